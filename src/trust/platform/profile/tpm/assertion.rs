//! What a workload presents: JSON in base64url.

use procura_token::{base64url, parse_json};
use serde::Deserialize;

use super::device::{EkHash, parse_hash};

/// The parts of an attestation, as bytes. Nothing about them is believed, nor read.
#[derive(Debug)]
pub(super) struct Assertion {
    pub(super) ak_public: Vec<u8>,
    pub(super) key_public: Vec<u8>,
    pub(super) certify_info: Vec<u8>,
    pub(super) certify_signature: Vec<u8>,
    pub(super) enrolment: Enrolment,
}

/// By which of its keys the device says it is enrolled.
#[derive(Debug)]
pub(super) enum Enrolment {
    /// By the attestation key that signs.
    Ak,
    /// By this endorsement key; the secret shows that the attestation key is in the same TPM.
    Ek { hash: EkHash, secret: Vec<u8> },
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Written {
    ak_public: String,
    key_public: String,
    certify_info: String,
    certify_signature: String,
    ek_public_sha256: Option<String>,
    credential_secret: Option<String>,
}

impl Assertion {
    /// # Errors
    /// What is malformed.
    pub(super) fn parse(text: &str) -> Result<Self, String> {
        let json = base64url::decode(text).map_err(|error| error.to_string())?;
        let written: Written = parse_json(&json).map_err(|error| error.to_string())?;
        let bytes = |name: &str, text: &str| base64url::decode(text).map_err(|error| format!("`{name}`: {error}"));
        let enrolment = match (&written.ek_public_sha256, &written.credential_secret) {
            (None, None) => Enrolment::Ak,
            (Some(hash), Some(secret)) => Enrolment::Ek {
                hash: parse_hash(hash).ok_or("`ek_public_sha256` is not 64 lower-case hexadecimal digits")?,
                secret: bytes("credential_secret", secret)?,
            },
            _ => return Err("of `ek_public_sha256` and `credential_secret` there is only one".to_owned()),
        };
        Ok(Self {
            ak_public: bytes("ak_public", &written.ak_public)?,
            key_public: bytes("key_public", &written.key_public)?,
            certify_info: bytes("certify_info", &written.certify_info)?,
            certify_signature: bytes("certify_signature", &written.certify_signature)?,
            enrolment,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    fn parse(json: &Value) -> Result<Assertion, String> {
        Assertion::parse(&base64url::encode(json.to_string()))
    }

    fn four() -> Value {
        json!({ "ak_public": "AA", "key_public": "AQ", "certify_info": "Ag", "certify_signature": "Aw" })
    }

    #[test]
    fn all_parts_are_read_and_the_enrolment_told() {
        let by_ak = parse(&four()).unwrap();
        assert_eq!((by_ak.ak_public, by_ak.key_public, by_ak.certify_info), (vec![0], vec![1], vec![2]));
        assert!(by_ak.certify_signature == [3] && matches!(by_ak.enrolment, Enrolment::Ak));
        let mut json = four();
        (json["ek_public_sha256"], json["credential_secret"]) = ("ab".repeat(32).into(), "BA".into());
        let Enrolment::Ek { hash, secret } = parse(&json).unwrap().enrolment else { panic!("not by its EK") };
        assert_eq!((hash, secret), ([0xab; 32], vec![4]));
    }

    #[test]
    fn what_is_missing_unknown_doubled_or_spelled_otherwise_is_refused() {
        for (name, value) in [
            ("ak_public", json!(null)),
            ("ak_public", json!("AB")),
            ("key_public", json!("AQ==")),
            ("certify_info", json!(7)),
            ("extra", json!("AA")),
            ("ek_public_sha256", json!("ab".repeat(32))),
            ("credential_secret", json!("AA")),
        ] {
            let mut json = four();
            json[name] = value;
            assert!(parse(&json).is_err(), "{json}");
        }
        let twice = four().to_string().replacen('{', r#"{"ak_public":"AA","#, 1);
        assert!(Assertion::parse(&base64url::encode(twice)).is_err());
        assert!(Assertion::parse(&four().to_string()).is_err());
        assert!(parse(&json!([])).is_err());
    }
}
