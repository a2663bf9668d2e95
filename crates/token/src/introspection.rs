//! What an issuer says of an access token that only it can read (RFC 7662).

use core::ops::Deref;
use core::time::Duration;

use serde::Deserialize;

use crate::claim_rules::{ClaimRules, Claims};
use crate::foreign_access_token::{ForeignAccessToken, JudgedBy};
use crate::user_claims::RawUserClaims;
use crate::{Issuer, UnixTime, VerifyError, json, sha256};

/// What an introspection response is judged against.
#[derive(Clone, Copy, Debug)]
pub struct IntrospectionRules<'a> {
    /// The issuer that was asked, over a connection that proved it: `iss`, if there, must be equal, byte for byte.
    pub issuer: &'a Issuer,
    /// What the response must say besides.
    pub claims: ClaimRules<'a>,
    /// Leeway on `exp`, `nbf` and `iat`.
    pub skew: Duration,
}

/// An access token that its issuer says is active. Only [`Introspected::judge`] makes one.
#[derive(Clone, Debug)]
pub struct Introspected {
    token: ForeignAccessToken,
    fingerprint: [u8; 32],
}

impl Introspected {
    /// Judges the body of the response to a question about `token`; `None` if the token is not active.
    ///
    /// RFC 7662 leaves every member but `active` to the issuer. Here `exp`, `sub`, `client_id` and `scope` must be there:
    /// without them nobody knows how long, for whom, by whom and for what.
    ///
    /// Not checked: whether the token is meant for, or was made for, whoever presents it
    /// (see [`ForeignAccessToken::is_for`]); and possession of what `cnf` names.
    ///
    /// # Errors
    /// [`VerifyError`]: the response is malformed, of something that is no access token, or breaks a rule.
    pub fn judge(token: &str, body: &[u8], rules: &IntrospectionRules<'_>, now: UnixTime) -> Result<Option<Self>, VerifyError> {
        #[derive(Deserialize)]
        struct State {
            active: bool,
        }
        if !json::parse::<State>(body)?.active {
            return Ok(None);
        }
        let raw: RawUserClaims = json::parse(body)?;
        let token_type = raw.token_type.clone();
        let mut access = ForeignAccessToken::refine(raw, Some(rules.issuer))?;
        match token_type.as_deref().map(str::to_ascii_lowercase).as_deref() {
            None | Some("bearer") => {}
            Some("dpop") if access.confirmation().is_some() => {}
            // Of a refresh token, which some issuers speak of at the same place, or of a binding that is not shown.
            _ => return Err(VerifyError::OtherKind),
        }
        let claims = if rules.claims.are_plain() { Claims::new() } else { json::parse(body)? };
        let judged_by = JudgedBy { issuer: rules.issuer, claims: (&rules.claims, &claims), skew: rules.skew };
        access.judge(&judged_by, now)?;
        Ok(Some(Self { token: access, fingerprint: sha256(token.as_bytes()) }))
    }

    /// SHA-256 of the token: what names it in a store.
    pub const fn fingerprint(&self) -> &[u8; 32] {
        &self.fingerprint
    }

    /// Judges its time again, at a later `now`. Whether it is still active, only its issuer knows.
    ///
    /// # Errors
    /// [`VerifyError::Expired`] or [`VerifyError::NotYetValid`].
    pub fn verify_time(&self, now: UnixTime, skew: Duration) -> Result<(), VerifyError> {
        self.token.verify_time(now, skew)
    }
}

/// What was said of it.
impl Deref for Introspected {
    type Target = ForeignAccessToken;

    fn deref(&self) -> &ForeignAccessToken {
        &self.token
    }
}
