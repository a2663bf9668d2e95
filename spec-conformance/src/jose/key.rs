use super::{b64u, sha256, unb64u};
use anyhow::{Context, Result, ensure};
use p256::ecdsa::{Signature, SigningKey, VerifyingKey, signature::Signer};
use p256::elliptic_curve::Generate;
use serde_json::{Value, json};

/// A P-256 key pair with its name.
#[derive(Clone)]
pub(crate) struct Key {
    secret: SigningKey,
    pub(crate) kid: Option<String>,
}

impl Key {
    /// A new key without a name.
    pub(crate) fn generate() -> Self {
        Self { secret: SigningKey::generate(), kid: None }
    }

    /// Reads a private EC P-256 JWK.
    pub(crate) fn from_jwk(jwk: &Value) -> Result<Self> {
        ensure!(jwk["kty"] == "EC" && jwk["crv"] == "P-256", "only EC P-256 keys are supported");
        let d = jwk["d"].as_str().context("the JWK has no private member `d`")?;
        let secret = SigningKey::from_slice(&unb64u(d)?)?;
        Ok(Self { secret, kid: jwk["kid"].as_str().map(str::to_owned) })
    }

    /// The required public members only.
    pub(crate) fn public(&self) -> Value {
        let point = VerifyingKey::from(&self.secret).to_sec1_point(false);
        let coordinate = |from: usize| b64u(&point.as_bytes()[from..from + 32]);
        json!({"kty": "EC", "crv": "P-256", "x": coordinate(1), "y": coordinate(33)})
    }

    /// The public members and the private one.
    pub(crate) fn private(&self) -> Value {
        let mut jwk = self.public();
        jwk["d"] = b64u(self.secret.to_bytes()).into();
        jwk
    }

    /// r and s, 64 octets.
    pub(crate) fn sign(&self, message: &[u8]) -> Vec<u8> {
        let signature: Signature = self.secret.sign(message);
        signature.to_bytes().to_vec()
    }
}

/// The RFC 7638 SHA-256 thumbprint of an EC key.
pub(crate) fn thumbprint(jwk: &Value) -> String {
    let canonical = format!(r#"{{"crv":{},"kty":{},"x":{},"y":{}}}"#, jwk["crv"], jwk["kty"], jwk["x"], jwk["y"]);
    b64u(sha256(canonical.as_bytes()))
}

/// Reads a public EC P-256 JWK.
pub(super) fn public(jwk: &Value) -> Result<VerifyingKey> {
    ensure!(jwk["kty"] == "EC" && jwk["crv"] == "P-256", "only EC P-256 keys are supported");
    let mut point = vec![4];
    for name in ["x", "y"] {
        point.extend(unb64u(jwk[name].as_str().with_context(|| format!("no `{name}`"))?)?);
    }
    Ok(VerifyingKey::from_sec1_bytes(&point)?)
}
