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
use procura_token::tpm::{
    EndorsementKey, KeyAttestation, TpmCredential, TpmName, UnverifiedKeyAttestation, VerifiedKeyAttestation,
};
use procura_token::{PlatformClaims, UnixTime, sha256};
use serde_json::Value;

use super::super::attribute::Attribute;
use super::super::error::PlatformError;
use super::super::registry::AssertionType;
use super::super::witness::{Opening, Statement, Witness};
use super::{IssuerRule, Profile};
use crate::trust::TrustError;
use assertion::{Assertion, Enrolment};
use challenge::Challenges;
use device::Devices;

pub(in crate::trust::platform) const PROFILE: Profile = Profile {
    kind: "tpm",
    title: "TPM 2.0",
    assertion: AssertionType::TPM,
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
struct Tpm {
    audience: String,
    devices: Devices,
    challenges: Challenges,
}

impl Tpm {
    fn open(opening: &Opening<'_>) -> Result<Self, TrustError> {
        let unavailable = |cause: String| TrustError::Keys { authority: opening.name.to_owned(), cause };
        let settings = opening.setting(|rule| rule.tpm.clone()).ok_or_else(|| unavailable("no devices".to_owned()))?;
        let [audience, others @ ..] = opening.audiences else { return Err(unavailable("no audience".to_owned())) };
        if others.iter().any(|other| other != audience) {
            return Err(unavailable("an attestation is for one audience, and there are several".to_owned()));
        }
        let devices = Devices::open(&settings.devices_file);
        let devices = devices.map_err(|cause| unavailable(format!("{}: {cause}", settings.devices_file.display())))?;
        Ok(Self { audience: audience.clone(), devices, challenges: Challenges::new(&settings.secret, audience) })
    }

    /// What the statement must have been made for. Neither an issuer nor a nonce of ours has a line feed.
    fn occasion(&self, nonce: &str) -> [u8; 32] {
        sha256(format!("procura tpm attestation\n{}\n{nonce}", self.audience).as_bytes())
    }

    /// The device, and by which key it is known: what stands for the TPM in its principal.
    fn device(&self, ak: &TpmName, enrolment: &Enrolment, now: UnixTime) -> Result<(String, String), &'static str> {
        let list = self.devices.list(now);
        match enrolment {
            Enrolment::Ak => {
                let device = list.by_ak(ak).ok_or("no device is enrolled by this attestation key")?;
                Ok((device.to_owned(), format!("ak:{ak}")))
            }
            Enrolment::Ek { hash, secret } => {
                let device = list.by_ek(hash).ok_or("no device is enrolled by this endorsement key")?;
                if !self.challenges.recognise(hash, ak, secret, now) {
                    return Err("the attestation key has not been shown to be in the TPM of the endorsement key, or not lately");
                }
                Ok((device.to_owned(), format!("ek:{}", hexadecimal(hash))))
            }
        }
    }

    fn believe(&self, text: &str, nonce: &str, now: UnixTime) -> Result<Statement, String> {
        let assertion = Assertion::parse(text)?;
        let parts = KeyAttestation {
            attestation_key: &assertion.ak_public,
            key: &assertion.key_public,
            statement: &assertion.certify_info,
            signature: &assertion.certify_signature,
        };
        let attestation = UnverifiedKeyAttestation::parse(&parts).map_err(|error| error.to_string())?;
        let (device, tpm) = self.device(attestation.attestation_key(), &assertion.enrolment, now)?;
        let attestation = attestation.verify(&self.occasion(nonce)).map_err(|error| error.to_string())?;
        let claims = claims(device, &attestation, &assertion.enrolment);
        Ok(Statement {
            issuer: tpm,
            audience: self.audience.clone(),
            claims,
            issued_at: None,
            valid_from: None,
            expires: now + LIFETIME,
            // Never without looking at the nonce and at the devices again.
            believed_until: UnixTime::from_secs(0),
            fingerprint: sha256(&assertion.certify_info),
            key: Some(attestation.key().thumbprint()),
        })
    }

    fn challenge(&self, ek_public: &[u8], ak_public: &[u8], now: UnixTime) -> Result<TpmCredential, String> {
        let ek = EndorsementKey::parse(ek_public).map_err(|error| error.to_string())?;
        let ak = TpmName::of_attestation_key(ak_public).map_err(|error| error.to_string())?;
        if self.devices.list(now).by_ek(ek.fingerprint()).is_none() {
            return Err("no device is enrolled by this endorsement key".to_owned());
        }
        let secret = self.challenges.secret(ek.fingerprint(), &ak, now);
        ek.make_credential(&ak, &secret).map_err(|error| error.to_string())
    }
}

#[async_trait]
impl Witness for Tpm {
    async fn judge(&self, _: &str, _: UnixTime) -> Result<Statement, TrustError> {
        Err(TrustError::NonceMissing)
    }

    async fn judge_for(&self, text: &str, nonce: Option<&str>, now: UnixTime) -> Result<Statement, TrustError> {
        let nonce = nonce.ok_or(TrustError::NonceMissing)?;
        Ok(self.believe(text, nonce, now).map_err(PlatformError::Evidence)?)
    }

    fn challenge_tpm(&self, ek_public: &[u8], ak_public: &[u8], now: UnixTime) -> Result<TpmCredential, TrustError> {
        Ok(self.challenge(ek_public, ak_public, now).map_err(PlatformError::Evidence)?)
    }
}

/// The attributes of the profile.
fn claims(device: String, attestation: &VerifiedKeyAttestation, enrolment: &Enrolment) -> PlatformClaims {
    let (kind, ek_hash) = match enrolment {
        Enrolment::Ak => ("ak", None),
        Enrolment::Ek { hash, .. } => ("ek", Some(hexadecimal(hash))),
    };
    let claims = [
        ("device", Some(device)),
        ("ak_name", Some(attestation.attestation_key().to_string())),
        ("key_name", Some(attestation.name().to_string())),
        ("enrolment", Some(kind.to_owned())),
        ("ek_public_sha256", ek_hash),
    ];
    claims.into_iter().filter_map(|(name, text)| Some((name.to_owned(), Value::String(text?)))).collect()
}

fn hexadecimal(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
