//! Access tokens of OpenID issuers: what an application may do for a user (RFC 9068, RFC 7662).

use core::ops::Deref;
use core::time::Duration;

use crate::claim_rules::{ClaimRules, RequiredClaim};
use crate::jws::Header;
use crate::user_claims::{RawUserClaims, SaidKind, UserClaims, missing};
use crate::verified::Kind;
use crate::{
    Algorithm, Audience, AuthorizationDetails, Confirmation, Issuer, KeySet, ParseError, UnixTime, Unverified, Verified,
    VerifyError,
};

/// The claims of an access token that another issuer gave an application for a user.
///
/// It says for whom it was made (`client_id`, or else `azp`), names a user and not that application itself, has a scope,
/// and no `act`; what lacks one of these is not accepted.
#[derive(Clone, Debug)]
pub struct ForeignAccessToken {
    user: UserClaims,
    audience: Option<Audience>,
    /// Known at the latest when the token is verified.
    client: Option<String>,
    confirmation: Option<Confirmation>,
    is_of_a_login: bool,
}

/// What an access token of another issuer is judged against.
#[derive(Clone, Copy, Debug)]
pub struct ForeignAccessTokenRules<'a> {
    /// The issuer whose keys are given: `iss` must be equal, byte for byte.
    pub issuer: &'a Issuer,
    /// The algorithms this issuer may sign with.
    pub algorithms: &'a [Algorithm],
    /// What it must say besides.
    pub claims: ClaimRules<'a>,
    /// What this issuer's access tokens say and its ID tokens do not. If it is not empty, a token whose `typ` is not `at+jwt`
    /// is taken for an access token when it says all of it, and has none of `nonce`, `at_hash` and `c_hash`.
    pub mark: &'a [RequiredClaim],
    /// Leeway on `exp`, `nbf` and `iat`.
    pub skew: Duration,
}

impl ForeignAccessToken {
    /// `aud`. An introspection response may lack it, and a token that is not of type `at+jwt`.
    pub const fn audience(&self) -> Option<&Audience> {
        self.audience.as_ref()
    }

    /// The application it was made for: `client_id`, or else `azp`, or the claim that the rules named instead.
    pub fn client(&self) -> &str {
        self.client.as_deref().unwrap_or_default()
    }

    /// What its holder proves to have, if it is bound. If not, whoever has it is its bearer.
    pub const fn confirmation(&self) -> Option<&Confirmation> {
        self.confirmation.as_ref()
    }

    /// Whether it is meant for one of `audiences`, or was made for one of `clients`.
    pub fn is_for(&self, audiences: &[&str], clients: &[&str]) -> bool {
        let is_meant = |audience: &Audience| audiences.iter().any(|name| audience.contains(name));
        self.audience.as_ref().is_some_and(is_meant) || clients.contains(&self.client())
    }

    pub(crate) fn refine(mut raw: RawUserClaims, issuer: Option<&Issuer>) -> Result<Self, ParseError> {
        raw.verify_kind(&SaidKind { typ: &["Bearer", "DPoP", "JWT", "at+jwt"], token_use: "access" })?;
        let client = match (raw.client_id.take(), raw.azp.take()) {
            (Some(client), Some(azp)) if client != azp => {
                return Err(ParseError::value("`azp`", "names another application than `client_id`"));
            }
            (client, azp) => client.or(azp),
        };
        let confirmation = raw.cnf.take().map(serde_json::from_value).transpose();
        let confirmation = confirmation.map_err(|_| ParseError::value("`cnf`", "not exactly one confirmation known here"))?;
        let (audience, is_of_a_login) = (raw.aud.take(), raw.is_of_a_login());
        Ok(Self { user: raw.user(issuer)?, audience, client, confirmation, is_of_a_login })
    }

    /// What every access token is judged by, however it was vouched for.
    pub(crate) fn judge(&mut self, rules: &JudgedBy<'_>, now: UnixTime) -> Result<(), VerifyError> {
        if self.user.issuer != *rules.issuer {
            return Err(VerifyError::Issuer);
        }
        self.user.verify_time(now, rules.skew)?;
        let (claim_rules, claims) = rules.claims;
        claim_rules.apply(&mut self.user, claims)?;
        if let Some(name) = claim_rules.client {
            self.client = claims.get(name).and_then(|client| client.as_str()).map(str::to_owned);
        }
        let nobody = ParseError::value("`client_id`", "missing, and `azp` too: nobody says for whom it was made");
        match self.client.as_deref() {
            None | Some("") => return Err(nobody.into()),
            Some(client) if client == self.user.subject.as_str() => {
                return Err(ParseError::value("`sub`", "the application itself, not a user").into());
            }
            Some(_) => {}
        }
        // What an access token does not permit, nobody may delegate by it.
        self.user.authorization_details.get_or_insert_with(AuthorizationDetails::nothing);
        // Without one, what may be delegated would have no ceiling.
        if self.user.scope.is_none() { Err(missing("scope").into()) } else { Ok(()) }
    }
}

/// The rules that hold for signed and for introspected tokens alike, and the claims they are about.
pub(crate) struct JudgedBy<'a> {
    pub(crate) issuer: &'a Issuer,
    pub(crate) claims: (&'a ClaimRules<'a>, &'a crate::claim_rules::Claims),
    pub(crate) skew: Duration,
}

/// What it says of the user.
impl Deref for ForeignAccessToken {
    type Target = UserClaims;

    fn deref(&self) -> &UserClaims {
        &self.user
    }
}

impl Unverified<ForeignAccessToken> {
    /// The issuer it claims to be from: it selects the keys, and proves nothing.
    pub const fn issuer(&self) -> &Issuer {
        self.claims.user.issuer()
    }

    /// Verifies issuer, kind, algorithm, signature, time at `now` and the claims that the rules name (RFC 9068 section 4).
    ///
    /// Not checked: whether it is meant for, or was made for, whoever presents it (see [`ForeignAccessToken::is_for`]);
    /// possession of what `cnf` names; and revocation.
    ///
    /// # Errors
    /// [`VerifyError`], naming the first rule that is broken.
    pub fn verify(
        mut self,
        keys: &KeySet,
        rules: &ForeignAccessTokenRules<'_>,
        now: UnixTime,
    ) -> Result<Verified<ForeignAccessToken>, VerifyError> {
        if self.claims.user.issuer != *rules.issuer {
            return Err(VerifyError::Issuer);
        }
        let is_typed = self.header.is_typed("at+jwt");
        match is_typed {
            false if rules.mark.is_empty() => return Err(ParseError::Typ.into()),
            true if self.claims.audience.is_none() => return Err(missing("aud").into()),
            _ => {}
        }
        self.allow(rules.algorithms)?;
        self.verify_signature(keys)?;
        let claims = self.claims_if(!is_typed || !rules.claims.are_plain())?;
        if !is_typed && (self.claims.is_of_a_login || !RequiredClaim::mark(rules.mark, &claims)) {
            return Err(VerifyError::OtherKind);
        }
        let judged_by = JudgedBy { issuer: rules.issuer, claims: (&rules.claims, &claims), skew: rules.skew };
        self.claims.judge(&judged_by, now)?;
        Ok(self.into_verified())
    }
}

impl Verified<ForeignAccessToken> {
    /// Judges its time again, at a later `now`.
    ///
    /// # Errors
    /// [`VerifyError::Expired`] or [`VerifyError::NotYetValid`].
    pub fn verify_time(&self, now: UnixTime, skew: Duration) -> Result<(), VerifyError> {
        self.user.verify_time(now, skew)
    }
}

impl Kind for ForeignAccessToken {
    type Raw = RawUserClaims;

    /// Which of the two it must be, the rules say.
    fn is_named_by(header: &Header) -> bool {
        header.is_typed("at+jwt") || header.is_untyped(&["JWT"])
    }

    fn refine(raw: RawUserClaims) -> Result<Self, ParseError> {
        if raw.iat.is_none() { Err(missing("iat")) } else { Self::refine(raw, None) }
    }
}
