//! Workload Proof Tokens (draft-ietf-wimse-wpt-02): possession of a WIT's key, shown for one request.

use core::time::Duration;
use std::collections::BTreeMap;

use serde::Deserialize;

use crate::json::present;
use crate::jws::Header;
use crate::thumbprint::token_hash;
use crate::verified::Kind;
use crate::window::ProofWindow;
use crate::{
    Algorithm, Audience, Htu, JwkConfirmation, ParseError, Thumbprint, TokenId, UnixTime, Unverified, Verified, VerifyError,
};

/// The most members `oth` may have.
const MAX_OTHER_TOKENS: usize = 16;

/// The claims of a WPT.
#[derive(Clone, Debug)]
pub struct Wpt {
    id: TokenId,
    /// Nothing if the one audience is no URL: then it is nobody's here.
    audience: Option<Htu>,
    window: ProofWindow,
    wit_hash: String,
    transaction_token_hash: Option<String>,
    other_token_hashes: BTreeMap<String, String>,
    access_token_hash: Option<String>,
}

/// What a WPT is judged against. The WIT has been verified before: its `cnf` is the key.
#[derive(Clone, Copy)]
pub struct WptRules<'a> {
    /// The WIT exactly as it stands in [`WORKLOAD_IDENTITY_TOKEN`](crate::WORKLOAD_IDENTITY_TOKEN), without white space around.
    pub wit: &'a str,
    /// `cnf` of that WIT, once verified.
    pub confirmation: &'a JwkConfirmation,
    /// Our own URLs for this request, from configuration: never from `Host` or a forwarding header.
    pub audiences: &'a [Htu],
    /// The transaction token, if the request has one ([`TXN_TOKEN`](crate::TXN_TOKEN)).
    pub transaction_token: Option<&'a str>,
    /// Those of the header fields configured to carry a token that this request has: lower-case name and trimmed value, as
    /// [`token_fields`](crate::token_fields) reads them. What is not among them must not influence any decision.
    pub other_tokens: &'a [(&'a str, &'a str)],
    /// `None`, but in the transport of wpt-00 and -01: there the access token beside the proof, which `ath` must cover.
    /// Since wpt-02 there is no `ath`, and one that is there is ignored.
    pub access_token: Option<&'a str>,
    /// The algorithms accepted.
    pub algorithms: &'a [Algorithm],
}

/// A WPT that was verified, and the key it proved.
#[derive(Clone, Debug)]
pub struct VerifiedWpt {
    proof: Verified<Wpt>,
    thumbprint: Thumbprint,
}

impl Unverified<Wpt> {
    /// Verifies algorithm, signature, `aud`, time, `wth`, `tth` and `oth` (WIMSE WPT section 2), in this order.
    ///
    /// `alg` must be `cnf.jwk.alg` letter for letter. `exp` must lie ahead, and no more than
    /// [`MAX_PROOF_LIFETIME`](crate::MAX_PROOF_LIFETIME) plus [`MAX_PROOF_AHEAD`](crate::MAX_PROOF_AHEAD); `iat` and `nbf`, which
    /// may be missing, at most the latter. Every token of [`WptRules`] must be covered, and nothing else.
    ///
    /// Not checked: the WIT, which is verified first, and whether the proof was seen before ([`VerifiedWpt::replay_key`]).
    ///
    /// # Errors
    /// [`VerifyError`], naming the first rule that is broken.
    pub fn verify(self, rules: &WptRules<'_>, now: UnixTime) -> Result<VerifiedWpt, VerifyError> {
        if self.algorithm() != rules.confirmation.algorithm {
            return Err(VerifyError::ConfirmedAlgorithm(self.algorithm()));
        }
        self.allow(rules.algorithms)?;
        self.verify_signature_with(&rules.confirmation.key)?;
        if !self.claims.audience.as_ref().is_some_and(|audience| rules.audiences.contains(audience)) {
            return Err(VerifyError::Audience);
        }
        self.claims.window.verify(now)?;
        self.claims.verify_tokens(rules)?;
        Ok(VerifiedWpt { thumbprint: rules.confirmation.key.thumbprint(), proof: self.into_verified() })
    }
}

impl Wpt {
    fn verify_tokens(&self, rules: &WptRules<'_>) -> Result<(), VerifyError> {
        if self.wit_hash != token_hash(rules.wit) {
            return Err(VerifyError::WitHash);
        }
        if self.transaction_token_hash != rules.transaction_token.map(token_hash) {
            return Err(VerifyError::TransactionTokenHash);
        }
        let covered = |(name, value): &(&str, &str)| self.other_token_hashes.get(*name) == Some(&token_hash(value));
        let names_are_unique = || {
            let mut names: Vec<&str> = rules.other_tokens.iter().map(|(name, _)| *name).collect();
            names.sort_unstable();
            names.is_sorted_by(|one, next| one < next)
        };
        // As many members as tokens, each token once and covered: so no member speaks of something else.
        if self.other_token_hashes.len() != rules.other_tokens.len()
            || !names_are_unique()
            || !rules.other_tokens.iter().all(covered)
        {
            return Err(VerifyError::OtherTokenHash);
        }
        let access_token_hash = rules.access_token.map(token_hash);
        if access_token_hash.is_some() && self.access_token_hash != access_token_hash {
            return Err(VerifyError::AccessTokenHash);
        }
        Ok(())
    }
}

impl VerifiedWpt {
    /// `jti`.
    pub fn id(&self) -> &TokenId {
        &self.proof.id
    }

    /// The thumbprint of the key proved.
    pub const fn thumbprint(&self) -> Thumbprint {
        self.thumbprint
    }

    /// What names this proof in a replay store: SHA-256 over thumbprint, a zero byte and `jti`. One sender's `jti` is not
    /// another's. Kinds of proofs are told apart by the store.
    pub fn replay_key(&self) -> [u8; 32] {
        self.thumbprint.replay_key(&self.proof.id)
    }

    /// The instant at which the proof was made at the earliest. A store that has forgotten what was before it cannot tell
    /// whether the proof is new. It is the maker's word: where the maker's clock is ahead, the proof may have been accepted
    /// earlier than that, by as much.
    pub fn made_since(&self) -> UnixTime {
        self.proof.window.since
    }

    /// Until when the proof would be accepted by clocks up to `skew` apart, and one second more: how long a store must
    /// remember it.
    pub fn replay_until(&self, skew: Duration) -> UnixTime {
        self.proof.window.remembered_until(skew)
    }
}

#[derive(Deserialize)]
pub(crate) struct Raw {
    aud: Audience,
    exp: UnixTime,
    jti: TokenId,
    wth: String,
    #[serde(default, deserialize_with = "present")]
    tth: Option<String>,
    #[serde(default, deserialize_with = "present")]
    oth: Option<BTreeMap<String, String>>,
    #[serde(default, deserialize_with = "present")]
    ath: Option<String>,
    #[serde(default, deserialize_with = "present")]
    iat: Option<UnixTime>,
    #[serde(default, deserialize_with = "present")]
    nbf: Option<UnixTime>,
}

impl Kind for Wpt {
    type Raw = Raw;

    fn is_named_by(header: &Header) -> bool {
        header.is_typed("wpt+jwt")
    }

    fn refine(raw: Raw) -> Result<Self, ParseError> {
        let audience = raw.aud.sole().ok_or(ParseError::value("`aud`", "not exactly one"))?.parse().ok();
        let other_token_hashes = raw.oth.unwrap_or_default();
        if other_token_hashes.len() > MAX_OTHER_TOKENS {
            return Err(ParseError::value("`oth`", "more than 16 members"));
        }
        Ok(Self {
            id: raw.jti,
            audience,
            window: ProofWindow::new([raw.iat, raw.nbf].into_iter().flatten(), raw.exp),
            wit_hash: raw.wth,
            transaction_token_hash: raw.tth,
            other_token_hashes,
            access_token_hash: raw.ath,
        })
    }
}

/// What a WPT to be made is for. The tokens are given as they are sent; the proof carries their hashes.
#[derive(Clone)]
pub struct NewWpt<'a> {
    /// The URL of the request, without query and fragment.
    pub audience: &'a Htu,
    /// When it is made.
    pub iat: UnixTime,
    /// When it ends: seconds later, [`MAX_PROOF_LIFETIME`](crate::MAX_PROOF_LIFETIME) at the most.
    pub exp: UnixTime,
    /// Its name, of 128 random bits and new for every request ([`TokenId::from_random`]).
    pub jti: TokenId,
    /// The WIT sent beside it. It is not expired: who signs sees to that.
    pub wit: &'a str,
    /// The transaction token of the request, if it has one.
    pub transaction_token: Option<&'a str>,
    /// Every other token of the request that says who the user is or what he may: lower-case field name and value.
    pub other_tokens: &'a [(&'a str, &'a str)],
    /// `None`, but in the transport of wpt-00 and -01: there the access token beside it.
    pub access_token: Option<&'a str>,
}

#[cfg(feature = "sign")]
impl NewWpt<'_> {
    /// Signs it with the key of the WIT's `cnf`, whose `alg` must be the signer's.
    ///
    /// # Errors
    /// [`SignError`](crate::SignError) if the key cannot be used.
    pub fn sign(&self, signer: &dyn crate::Signer) -> Result<String, crate::SignError> {
        let other = |(name, value): &(&'_ str, &str)| (name.to_ascii_lowercase(), token_hash(crate::field::trim(value)));
        let claims = Claims {
            aud: self.audience,
            exp: self.exp,
            iat: self.iat,
            jti: &self.jti,
            wth: token_hash(self.wit),
            tth: self.transaction_token.map(token_hash),
            oth: self.other_tokens.iter().map(other).collect(),
            ath: self.access_token.map(token_hash),
        };
        crate::signing::sign(signer, Some("wpt+jwt"), crate::signing::ShownKey::Nothing, &claims)
    }
}

#[cfg(feature = "sign")]
#[derive(serde::Serialize)]
struct Claims<'a> {
    aud: &'a Htu,
    exp: UnixTime,
    iat: UnixTime,
    jti: &'a TokenId,
    wth: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    tth: Option<String>,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    oth: BTreeMap<String, String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    ath: Option<String>,
}
