//! Posture: what an attester found out about a workload, such as an EDR, a scanner of SBOMs or a verifier of images.

mod findings;

use core::time::Duration;
use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use self::findings::findings;
use crate::json::{is_present, present};
use crate::jws::Header;
use crate::statement::{Foreign, Statement, refine};
use crate::verified::Kind;
use crate::{Audience, Issuer, ParseError, TokenId, UnixTime, WorkloadId};

/// The claims of a posture statement: "workload X is in this state".
///
/// It says nothing of what the workload may do: policy reads it. Whoever holds the text can show it; it is of use to the
/// workload that it names.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct PostureToken {
    /// The attester.
    pub iss: Issuer,
    /// The token service: alone.
    pub aud: Audience,
    /// The workload.
    pub sub: WorkloadId,
    /// What was found, by name: text, and numbers and truth values as text. A number is written in decimal without exponent,
    /// and like any equal one: `7.0` as `7`.
    pub posture: BTreeMap<String, String>,
    /// Its name, for audit.
    pub jti: TokenId,
    /// When it was found.
    pub iat: UnixTime,
    /// Until when it is to be believed: at most an hour later.
    pub exp: UnixTime,
}

impl Statement for PostureToken {
    const TYP: &'static str = "procura-posture+jwt";
    const LONGEST: Duration = Duration::from_secs(3600);

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
    sub: WorkloadId,
    #[serde(deserialize_with = "findings")]
    posture: BTreeMap<String, String>,
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

impl Kind for PostureToken {
    type Raw = Raw;

    fn is_named_by(header: &Header) -> bool {
        header.is_typed(Self::TYP)
    }

    fn refine(raw: Raw) -> Result<Self, ParseError> {
        let foreign = Foreign { act: raw.act, cnf: raw.cnf, events: raw.events };
        let posture =
            Self { iss: raw.iss, aud: raw.aud, sub: raw.sub, posture: raw.posture, jti: raw.jti, iat: raw.iat, exp: raw.exp };
        refine(posture, raw.nbf, foreign)
    }
}

#[cfg(feature = "sign")]
impl PostureToken {
    /// Signs it: for attesters.
    ///
    /// # Errors
    /// [`SignError`](crate::SignError) if the key cannot be used.
    pub fn issue(&self, signer: &dyn crate::Signer) -> Result<String, crate::SignError> {
        crate::signing::sign(signer, Some(Self::TYP), crate::signing::ShownKey::Name, self)
    }
}
