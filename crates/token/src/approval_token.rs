//! Approvals: a user agreed that an agent acts for him at a target.

use core::time::Duration;

use serde::{Deserialize, Serialize};

use crate::json::{is_present, object, present};
use crate::jws::Header;
use crate::statement::{Foreign, Statement, refine};
use crate::verified::Kind;
use crate::{Audience, Issuer, ParseError, Resource, ScopeSet, Subject, TokenId, UnixTime, WorkloadId};

/// The claims of an approval: "user Y agreed that agent X acts for him at this target, in this".
///
/// Its issuer, the approver, asked the user and answers for it. Whoever holds the text can show it; it is of use to the
/// agent that it names, and only together with a token of the user that it names.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ApprovalToken {
    /// The approver.
    pub iss: Issuer,
    /// The token service: alone.
    pub aud: Audience,
    /// Who approved, as the approver calls him: for its own records. [`ApprovalToken::user`] says whose approval it is.
    pub sub: Subject,
    /// The user, as his own issuer calls him.
    pub user: UserName,
    /// The workload that may act.
    pub agent: WorkloadId,
    /// Where.
    pub target: Resource,
    /// In what. Nothing: in all that the target has.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub scope: Option<ScopeSet>,
    /// Its name, for audit.
    pub jti: TokenId,
    /// When the approval was given.
    pub iat: UnixTime,
    /// When it ends: at most 24 hours later.
    pub exp: UnixTime,
}

/// A user at an OpenID issuer: `sub` means nobody without `iss`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct UserName {
    /// The issuer of the user's tokens.
    pub iss: Issuer,
    /// `sub` of the user's tokens.
    pub sub: Subject,
}

impl Statement for ApprovalToken {
    const TYP: &'static str = "procura-approval+jwt";
    const LONGEST: Duration = Duration::from_secs(24 * 3600);

    fn issuer(&self) -> &Issuer {
        &self.iss
    }

    fn audience(&self) -> &Audience {
        &self.aud
    }

    fn issued_at(&self) -> UnixTime {
        self.iat
    }

    fn expires(&self) -> UnixTime {
        self.exp
    }
}

#[derive(Deserialize)]
pub(crate) struct Raw {
    iss: Issuer,
    aud: Audience,
    sub: Subject,
    #[serde(deserialize_with = "object")]
    user: UserName,
    agent: WorkloadId,
    target: Resource,
    #[serde(default, deserialize_with = "present")]
    scope: Option<ScopeSet>,
    jti: TokenId,
    iat: UnixTime,
    exp: UnixTime,
    #[serde(default, deserialize_with = "present")]
    nbf: Option<UnixTime>,
    #[serde(default, deserialize_with = "is_present")]
    act: bool,
    #[serde(default, deserialize_with = "is_present")]
    cnf: bool,
    #[serde(default, deserialize_with = "is_present")]
    events: bool,
}

impl Kind for ApprovalToken {
    type Raw = Raw;

    fn is_named_by(header: &Header) -> bool {
        header.is_typed(Self::TYP)
    }

    fn refine(raw: Raw) -> Result<Self, ParseError> {
        // An approval of nothing is none, and must not be read as one of everything.
        if raw.scope.as_ref().is_some_and(ScopeSet::is_empty) {
            return Err(ParseError::value("`scope`", "empty: leave it out, or name what was approved"));
        }
        let foreign = Foreign { act: raw.act, cnf: raw.cnf, events: raw.events };
        let approval = Self {
            iss: raw.iss,
            aud: raw.aud,
            sub: raw.sub,
            user: raw.user,
            agent: raw.agent,
            target: raw.target,
            scope: raw.scope,
            jti: raw.jti,
            iat: raw.iat,
            exp: raw.exp,
        };
        refine(approval, raw.nbf, foreign)
    }
}

#[cfg(feature = "sign")]
impl ApprovalToken {
    /// Signs it: for approvers.
    ///
    /// # Errors
    /// [`SignError`](crate::SignError) if the key cannot be used.
    pub fn issue(&self, signer: &dyn crate::Signer) -> Result<String, crate::SignError> {
        crate::signing::sign(signer, Some(Self::TYP), crate::signing::ShownKey::Name, self)
    }
}
