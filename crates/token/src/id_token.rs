//! ID tokens: what an OpenID provider says of a user (OpenID Connect Core section 2).

use core::ops::Deref;
use core::time::Duration;

use serde::Serialize;

use crate::claim_rules::{ClaimRules, RequiredClaim};
use crate::jws::Header;
use crate::user_claims::{Authentication, RawUserClaims, SaidKind, UserClaims, missing};
use crate::verified::Kind;
use crate::{
    Algorithm, Audience, Issuer, KeySet, ParseError, ScopeSet, Subject, TokenId, UnixTime, Unverified, Verified, VerifyError,
};

/// The claims of an ID token that matter for delegation.
#[derive(Clone, Debug)]
pub struct IdToken {
    user: UserClaims,
    audience: Audience,
    authorized_party: Option<String>,
    issued_at: UnixTime,
}

/// What an ID token is judged against.
#[derive(Clone, Copy, Debug)]
pub struct IdTokenRules<'a> {
    /// The issuer whose keys are given: `iss` must be equal, byte for byte.
    pub issuer: &'a Issuer,
    /// Whom it may be meant for: one of these must be in `aud`.
    pub audiences: &'a [&'a str],
    /// The algorithms this issuer may sign with.
    pub algorithms: &'a [Algorithm],
    /// What it must say besides.
    pub claims: ClaimRules<'a>,
    /// What this issuer's untyped access tokens say and its ID tokens do not: what says all of it is no ID token. Empty where
    /// there are no such access tokens.
    pub not: &'a [RequiredClaim],
    /// Leeway on `exp`, `nbf` and `iat`.
    pub skew: Duration,
}

impl IdToken {
    /// `aud`.
    pub const fn audience(&self) -> &Audience {
        &self.audience
    }

    /// `azp`.
    pub fn authorized_party(&self) -> Option<&str> {
        self.authorized_party.as_deref()
    }

    /// `iat`.
    pub const fn issued_at(&self) -> UnixTime {
        self.issued_at
    }
}

/// What it says of the user. A `scope` is no usual claim of ID tokens.
impl Deref for IdToken {
    type Target = UserClaims;

    fn deref(&self) -> &UserClaims {
        &self.user
    }
}

impl Unverified<IdToken> {
    /// The issuer it claims to be from: it selects the keys, and proves nothing.
    pub const fn issuer(&self) -> &Issuer {
        self.claims.user.issuer()
    }

    /// Verifies issuer, algorithm, signature, audience, time at `now` and the claims that the rules name, in this order.
    ///
    /// Not checked: `nonce`, `at_hash` and `c_hash`, which bind a login flow this token is no longer part of; `azp`, where
    /// several audiences make it matter; and whether the user agreed to anything.
    ///
    /// # Errors
    /// [`VerifyError`], naming the first rule that is broken.
    pub fn verify(mut self, keys: &KeySet, rules: &IdTokenRules<'_>, now: UnixTime) -> Result<Verified<IdToken>, VerifyError> {
        if self.claims.user.issuer != *rules.issuer {
            return Err(VerifyError::Issuer);
        }
        self.allow(rules.algorithms)?;
        self.verify_signature(keys)?;
        if !rules.audiences.iter().any(|audience| self.claims.audience.contains(audience)) {
            return Err(VerifyError::Audience);
        }
        self.claims.user.verify_time(now, rules.skew)?;
        let claims = self.claims_if(!rules.claims.are_plain() || !rules.not.is_empty())?;
        if RequiredClaim::mark(rules.not, &claims) {
            return Err(VerifyError::OtherKind);
        }
        rules.claims.apply(&mut self.claims.user, &claims)?;
        Ok(self.into_verified())
    }
}

impl Verified<IdToken> {
    /// Judges its time again, at a later `now`.
    ///
    /// # Errors
    /// [`VerifyError::Expired`] or [`VerifyError::NotYetValid`].
    pub fn verify_time(&self, now: UnixTime, skew: Duration) -> Result<(), VerifyError> {
        self.user.verify_time(now, skew)
    }
}

impl Kind for IdToken {
    type Raw = RawUserClaims;

    /// ID tokens are not typed; a `typ` that names another kind is refused.
    fn is_named_by(header: &Header) -> bool {
        header.is_untyped(&["JWT"])
    }

    fn refine(mut raw: RawUserClaims) -> Result<Self, ParseError> {
        raw.verify_kind(&SaidKind { typ: &["ID", "JWT"], token_use: "id" })?;
        if raw.cnf.is_some() {
            return Err(ParseError::value("`cnf`", "not accepted in an ID token"));
        }
        let (audience, authorized_party) = (raw.aud.take().ok_or_else(|| missing("aud"))?, raw.azp.take());
        let issued_at = raw.iat.ok_or_else(|| missing("iat"))?;
        Ok(Self { user: raw.user(None)?, audience, authorized_party, issued_at })
    }
}

/// What an ID token to be issued says. For a development user issuer; Procura itself issues none.
#[derive(Clone, Debug, Serialize)]
pub struct NewIdToken<'a> {
    /// The issuer.
    pub iss: &'a Issuer,
    /// The user at that issuer.
    pub sub: &'a Subject,
    /// Whom it is for.
    pub aud: &'a str,
    /// When it was made.
    pub iat: UnixTime,
    /// When it ends.
    pub exp: UnixTime,
    /// Its name.
    pub jti: TokenId,
    /// How the user authenticated.
    #[serde(flatten)]
    pub authentication: Authentication,
    /// The user's groups.
    pub groups: &'a [String],
    /// What the token is limited to.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub scope: Option<&'a ScopeSet>,
}

#[cfg(feature = "sign")]
impl NewIdToken<'_> {
    /// Signs it.
    ///
    /// # Errors
    /// [`SignError`](crate::SignError) if the key cannot be used.
    pub fn issue(&self, signer: &dyn crate::Signer) -> Result<String, crate::SignError> {
        crate::signing::sign(signer, Some("JWT"), crate::signing::ShownKey::Name, self)
    }
}
