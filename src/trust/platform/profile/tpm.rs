//! TPM 2.0: a key that lives in an enrolled TPM signs the workload's proofs.
//!
//! What is presented shows that an attestation key (AK) says so of the key; and that the AK is the device's: its name is
//! enrolled, or it lives in the TPM of an enrolled endorsement key (EK), which has answered a challenge of ours. The
//! statement is made for one nonce of one service, and the proof of possession is by the key itself, so what is presented is
//! good for nobody else and for nothing later.

mod assertion;
mod challenge;
mod device;

use std::time::Duration;

use async_trait::async_trait;
use procura_token::tpm::{EndorsementKey, KeyAttestation, TpmCredential, TpmError, TpmName, UnverifiedKeyAttestation};
use procura_token::{UnixTime, sha256};
use serde_json::{Map, Value};

use super::super::attribute::Attribute;
use super::super::error::PlatformError;
use super::super::registry::AssertionType;
use super::super::witness::{Opening, Statement, Witness};
use super::{IssuerRule, Profile};
use crate::trust::TrustError;
use assertion::{Assertion, Enrolment};
use challenge::Challenges;
use device::{Devices, EkHash};

/// How an attestation is presented.
pub(in crate::trust::platform) const ASSERTION: AssertionType =
    AssertionType::private("urn:procura:client-assertion-type:tpm", "procura_tpm");

pub(in crate::trust::platform) const PROFILE: Profile = Profile {
    kind: "tpm",
    title: "TPM 2.0",
    assertion: ASSERTION,
    issuer: IssuerRule::None,
    attributes: &[
        // As the devices file calls it.
        Attribute::claim("device", &["device"]).required(),
        // `ek` or `ak`.
        Attribute::claim("enrolment", &["enrolment"]).required(),
        Attribute::claim("ek_public_sha256", &["ek_public_sha256"]),
        Attribute::claim("ak_name", &["ak_name"]).required(),
        Attribute::claim("key_name", &["key_name"]).required(),
    ],
    // One device has one name, and one TPM: that is the issuer in its principal.
    identity: &["device"],
    path: "/tpm/{device}",
    witness: |opening| Ok(Some(Box::new(Tpm::open(opening)?))),
    ..Profile::JWT
};

/// How long what an attestation made may last: as long as anything issued here can. The attestation itself is good for the
/// life of its nonce.
const LIFETIME: Duration = Duration::from_secs(24 * 3600);

/// Judges attestations, and gives challenges to TPMs.
#[derive(Debug)]
pub(in crate::trust::platform) struct Tpm {
    audience: String,
    devices: Devices,
    challenges: Challenges,
}
