//! Signed statements: what somebody we believe tells us, and us alone, about a user or a workload.

use core::time::Duration;

use crate::verified::Kind;
use crate::window::verify_window;
use crate::{Algorithm, Audience, Issuer, KeySet, ParseError, UnixTime, Unverified, Verified, VerifyError};

/// A kind of statement: an [`ApprovalToken`](crate::ApprovalToken) or a [`PostureToken`](crate::PostureToken). Sealed.
#[expect(private_bounds, reason = "the kinds of tokens are a closed list")]
pub trait Statement: Kind {
    /// The media type that `typ` names.
    const TYP: &'static str;
    /// The longest that one may last, from `iat` to `exp`.
    const LONGEST: Duration;

    /// `iss`.
    fn issuer(&self) -> &Issuer;
    /// `aud`.
    fn audience(&self) -> &Audience;
    /// `iat`.
    fn issued_at(&self) -> UnixTime;
    /// `exp`.
    fn expires(&self) -> UnixTime;
}

/// What a statement is judged against.
#[derive(Clone, Copy, Debug)]
pub struct StatementRules<'a> {
    /// The issuer whose keys are given: `iss` must be equal, byte for byte.
    pub issuer: &'a Issuer,
    /// Our issuer identifier: it must be the *only* audience, so that nobody else can show us what was told to him.
    pub audience: &'a Issuer,
    /// The algorithms this issuer may sign with.
    pub algorithms: &'a [Algorithm],
    /// Leeway on `exp` and `iat`.
    pub skew: Duration,
}

impl<T: Statement> Unverified<T> {
    /// The issuer it claims to be from: it selects the keys, and proves nothing.
    pub fn issuer(&self) -> &Issuer {
        self.claims.issuer()
    }

    /// Verifies issuer, algorithm, signature, audience and time at `now`, in this order.
    ///
    /// Not checked: whether this issuer may speak of whom it speaks of, and whether that is who is meant in the request. A
    /// statement is true until it expires, so it may be shown more than once: `jti` names it and is not claimed.
    ///
    /// # Errors
    /// [`VerifyError`], naming the first rule that is broken.
    pub fn verify(self, keys: &KeySet, rules: &StatementRules<'_>, now: UnixTime) -> Result<Verified<T>, VerifyError> {
        if self.claims.issuer() != rules.issuer {
            return Err(VerifyError::Issuer);
        }
        self.allow(rules.algorithms)?;
        self.verify_signature(keys)?;
        if self.claims.audience().sole() != Some(rules.audience.as_str()) {
            return Err(VerifyError::Audience);
        }
        verify_window(self.claims.expires(), Some(self.claims.issued_at()), now, rules.skew)?;
        Ok(self.into_verified())
    }
}

impl<T: Statement> Verified<T> {
    /// Judges its time again, at a later `now`.
    ///
    /// # Errors
    /// [`VerifyError::Expired`] or [`VerifyError::NotYetValid`].
    pub fn verify_time(&self, now: UnixTime, skew: Duration) -> Result<(), VerifyError> {
        verify_window(self.expires(), Some(self.issued_at()), now, skew)
    }
}

/// The claims of a statement whose meaning would be lost: that it is another's than its signer's word, or its holder's alone.
#[derive(Clone, Copy)]
pub(crate) struct Foreign {
    pub(crate) act: bool,
    pub(crate) cnf: bool,
    pub(crate) events: bool,
}

/// What every kind has in common: it ends after it begins and not much later, and says nothing that we would ignore.
pub(crate) fn refine<T: Statement>(statement: T, nbf: Option<UnixTime>, foreign: Foreign) -> Result<T, ParseError> {
    for (name, is_there) in [("`act`", foreign.act), ("`cnf`", foreign.cnf), ("`events`", foreign.events)] {
        if is_there {
            return Err(ParseError::value(name, "not accepted in a statement"));
        }
    }
    if nbf.is_some_and(|nbf| nbf > statement.issued_at()) {
        return Err(ParseError::value("`nbf`", "later than `iat`"));
    }
    if statement.expires() <= statement.issued_at() || statement.expires() > statement.issued_at() + T::LONGEST {
        return Err(ParseError::value("`exp`", "not after `iat`, or later after it than a statement of this kind may last"));
    }
    Ok(statement)
}
