//! From text to a verified hand-over, in steps that strangers cannot make dear.

use core::fmt;
use core::time::Duration;

use procura_token::{
    AccessToken, Actor, Confirmation, Issuer, KeySet, ParseError, Resource, ScopeSet, Thumbprint, UnixTime, Verified,
    VerifyError, Wit, WorkloadId, sha256,
};

use crate::container::Container;
use crate::statement::{Authority, HopStatement};
use crate::{MAX_HOPS, key, malformed};

/// A Biscuit of the right form, not believed: every block says what it may, nothing is wider than what it was made from, and
/// no signature was looked at.
#[derive(Clone)]
pub struct UnverifiedHandover {
    pub(crate) container: Container,
    pub(crate) authority: Authority,
    pub(crate) hops: Vec<HopStatement>,
}

/// What a hand-over is judged against.
#[derive(Clone, Copy, Debug)]
pub struct HandoverRules<'a> {
    /// The issuer whose keys are given.
    pub issuer: &'a Issuer,
    /// The target that judges; `None` for the issuer itself, which takes back Biscuits for any.
    pub audience: Option<&'a Resource>,
    /// Leeway for clocks that differ.
    pub skew: Duration,
}

impl UnverifiedHandover {
    /// Parses the text of a Biscuit, at most [`MAX_BISCUIT`](crate::MAX_BISCUIT) bytes.
    ///
    /// # Errors
    /// [`ParseError`] for everything but a hand-over in its one form.
    pub fn parse(text: &str) -> Result<Self, ParseError> {
        let container = Container::parse(text)?;
        let authority = Authority::read(container.authority())?;
        let hops = container.hops().map(HopStatement::read).collect::<Result<Vec<_>, _>>()?;
        let mut left = (&authority.token.scope, authority.token.exp);
        for hop in &hops {
            if !hop.scope.is_subset(left.0) || hop.expires > left.1 {
                return Err(malformed("a hand-over of more than there was"));
            }
            left = (&hop.scope, hop.expires);
        }
        if hops.len() > MAX_HOPS {
            return Err(malformed("more than 7 hand-overs"));
        }
        Ok(Self { container, authority, hops })
    }

    /// The issuer it claims to be from.
    pub const fn issuer(&self) -> &Issuer {
        &self.authority.token.iss
    }

    /// Whether the key it claims to be signed by is one of `keys`.
    pub fn is_known_to(&self, keys: &KeySet) -> bool {
        key::root_key(keys, self.container.root_key_id()).is_some()
    }

    /// Its target, as it claims.
    pub const fn audience(&self) -> &Resource {
        &self.authority.token.aud
    }

    /// What it would permit.
    pub fn scope(&self) -> &ScopeSet {
        self.hops.last().map_or(&self.authority.token.scope, |hop| &hop.scope)
    }

    /// When it would end; the WITs in it may end earlier.
    pub fn expires(&self) -> UnixTime {
        self.hops.last().map_or(self.authority.token.exp, |hop| hop.expires)
    }

    /// Verifies that the issuer signed the first block, for this target, and that none of the blocks has ended at `now`.
    ///
    /// `keys` are those the issuer signs Biscuits with, and nothing else. Ed25519 keys count.
    ///
    /// # Errors
    /// [`VerifyError`], naming the first rule that is broken.
    pub fn verify_root(self, keys: &KeySet, rules: &HandoverRules<'_>, now: UnixTime) -> Result<RootedHandover, VerifyError> {
        let token = &self.authority.token;
        if token.iss != *rules.issuer {
            return Err(VerifyError::Issuer);
        }
        self.container.verify_authority(key::root_key(keys, self.container.root_key_id()).ok_or(VerifyError::UnknownKey)?)?;
        if rules.audience.is_some_and(|audience| token.aud != *audience) {
            return Err(VerifyError::Audience);
        }
        if now + rules.skew < token.iat {
            return Err(VerifyError::NotYetValid { from: token.iat, now });
        }
        verify_end(self.expires(), rules.skew, now)?;
        Ok(RootedHandover(self))
    }
}

/// Time goes on at the same instant for every part: at `end` plus `skew` it is over.
fn verify_end(end: UnixTime, skew: Duration, now: UnixTime) -> Result<(), VerifyError> {
    if now >= end + skew { Err(VerifyError::Expired { exp: end, now }) } else { Ok(()) }
}

/// A hand-over whose first block the issuer signed. Who the later holders are is not known yet: their WITs say, and the
/// trust domains they are from.
#[derive(Clone)]
pub struct RootedHandover(UnverifiedHandover);

impl RootedHandover {
    /// The WITs in it, in order, unverified: one for each hand-over. Whoever judges it verifies them as those of any caller.
    pub fn wits(&self) -> impl Iterator<Item = &str> {
        self.0.hops.iter().map(|hop| hop.wit.as_str())
    }

    /// Verifies every hand-over: signed by the key of who held it then, for a workload that had not held it before.
    ///
    /// `wits` are those of [`RootedHandover::wits`], verified at `now`.
    ///
    /// # Errors
    /// [`VerifyError`], naming the first rule that is broken.
    pub fn verify(self, wits: &[&Verified<Wit>]) -> Result<VerifiedHandover, VerifyError> {
        let UnverifiedHandover { container, authority, hops } = self.0;
        if wits.len() != hops.len() {
            return Err(VerifyError::OtherKind);
        }
        let Authority { mut token, holder, key } = authority;
        let first = token.clone();
        let mut current = (key, holder);
        let mut chain = token.act.take().ok_or(VerifyError::OtherKind)?;
        let mut verified = Vec::with_capacity(hops.len());
        for (index, (hop, wit)) in hops.into_iter().zip(wits).enumerate() {
            // The very WIT that stands in the block: another one of the same workload is another statement.
            let signed = hop.wit.rsplit_once('.').map(|(signed, _)| sha256(signed.as_bytes()));
            if signed.as_ref() != Some(wit.fingerprint()) {
                return Err(VerifyError::OtherKind);
            }
            container.verify_hop(index, &current.0, &key::biscuit_key(&current.1)?)?;
            if chain.iter().any(|actor| actor.id == *wit.id()) {
                return Err(malformed("handed to somebody who held it before").into());
            }
            chain = chain.extend(Actor { id: wit.id().clone(), profile: None })?;
            let confirmation = wit.confirmation();
            current = (confirmation.key.clone(), confirmation.jwk.clone());
            token.exp = token.exp.min(hop.expires).min(wit.expires());
            verified.push(Hop {
                actor: wit.id().clone(),
                key: confirmation.key.thumbprint(),
                scope: hop.scope.clone(),
                expires: token.exp,
            });
            token.scope = hop.scope;
        }
        container.verify_end()?;
        token.client_id = chain.current().id.clone();
        token.act = Some(chain);
        token.cnf = Confirmation::Key(current.0.thumbprint());
        Ok(VerifiedHandover { first, token, hops: verified })
    }
}

/// A hand-over that was verified at one instant. Only [`RootedHandover::verify`] makes one.
///
/// Not checked: possession of the holder's key, and revocation, of which a Biscuit knows nothing.
#[derive(Clone, Debug)]
pub struct VerifiedHandover {
    first: AccessToken,
    token: AccessToken,
    hops: Vec<Hop>,
}

/// One hand-over: to whom, and what was left.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Hop {
    /// The workload that got it.
    pub actor: WorkloadId,
    /// Its key.
    pub key: Thumbprint,
    /// What it was given.
    pub scope: ScopeSet,
    /// Until when: with all that ends earlier, of the blocks and WITs before it too.
    pub expires: UnixTime,
}

impl VerifiedHandover {
    /// What it is worth, as a delegation token would say it: narrowed scope and end, the whole chain of actors, bound to the
    /// key of the last holder. `jti`, `iat` and `delegation` are those of the Biscuit.
    pub const fn token(&self) -> &AccessToken {
        &self.token
    }

    /// What the issuer signed: the delegation before any hand-over.
    pub const fn first(&self) -> &AccessToken {
        &self.first
    }

    /// The hand-overs, in order.
    pub fn hops(&self) -> &[Hop] {
        &self.hops
    }
}

/// Shows the issuer and how many hand-overs there are.
impl fmt::Debug for UnverifiedHandover {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "UnverifiedHandover({}, {})", self.issuer(), self.hops.len())
    }
}

/// The same.
impl fmt::Debug for RootedHandover {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "RootedHandover({}, {})", self.0.issuer(), self.0.hops.len())
    }
}
