//! Challenges for TPMs: what a machine answers before it can call as itself.

use procura_token::{UnixTime, base64url};

use super::request::Form;
use super::{Exchange, ExchangeError};
use crate::trust::AssertionType;

/// What a machine needs for an attestation, in base64url where it is bytes.
#[derive(Debug)]
pub struct TpmChallenge {
    /// A nonce: for the attestation, and for the DPoP proof beside it.
    pub nonce: String,
    /// A secret for the TPM, if two keys were named.
    pub credential: Option<EncryptedCredential>,
}

/// What `TPM2_ActivateCredential` takes.
#[derive(Debug)]
pub struct EncryptedCredential {
    /// `TPM2B_ID_OBJECT`.
    pub credential_blob: String,
    /// `TPM2B_ENCRYPTED_SECRET`.
    pub encrypted_secret: String,
}

impl Exchange {
    /// Whether TPMs can be enrolled here.
    pub fn knows_tpms(&self) -> bool {
        self.trust.platform_assertions().any(|assertion| assertion == AssertionType::TPM)
    }

    /// Answers a machine that names its endorsement key and an attestation key, `ek_public` and `ak_public`, or neither and
    /// gets a nonce alone. Nothing is granted, and nothing is remembered.
    ///
    /// # Errors
    /// [`ExchangeError::Request`] for a malformed form, [`ExchangeError::Caller`] for keys that nobody enrolled.
    pub fn challenge_tpm(&self, form: &[u8], now: UnixTime) -> Result<TpmChallenge, ExchangeError> {
        let form = Form::parse(form)?;
        let bytes = |name: &'static str| {
            let decoded = form.get(name).map(base64url::decode).transpose();
            decoded.map_err(|error| ExchangeError::Parameter(name, error))
        };
        let credential = match (bytes("ek_public")?, bytes("ak_public")?) {
            (None, None) => None,
            (Some(ek), Some(ak)) => {
                let made = self.trust.challenge_tpm(&ek, &ak, now).map_err(ExchangeError::Caller)?;
                Some(EncryptedCredential {
                    credential_blob: base64url::encode(made.id_object),
                    encrypted_secret: base64url::encode(made.encrypted_secret),
                })
            }
            _ => return Err(ExchangeError::Request("of `ek_public` and `ak_public` there is only one")),
        };
        Ok(TpmChallenge { nonce: self.nonce(now), credential })
    }
}
