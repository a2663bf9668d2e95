use super::foreign::Foreign;
use super::{b64u, sha256, unb64u};
use anyhow::{Context, Result, bail, ensure};
use p256::ecdsa::{Signature, SigningKey, VerifyingKey, signature::Signer};
use p256::elliptic_curve::Generate;
use serde_json::{Value, json};
use std::sync::Arc;

/// A key pair with its name; P-256 unless an algorithm was asked for.
#[derive(Clone)]
pub(crate) struct Key {
    secret: Secret,
    pub(crate) kid: Option<String>,
}

#[derive(Clone)]
enum Secret {
    P256(SigningKey),
    Foreign(Arc<Foreign>),
}

impl Key {
    /// A new P-256 key without a name.
    pub(crate) fn generate() -> Self {
        Self { secret: Secret::P256(SigningKey::generate()), kid: None }
    }

    /// A new key for an algorithm by its registered name.
    pub(crate) fn for_algorithm(name: &'static str) -> Result<Self> {
        if name == "ES256" {
            return Ok(Self::generate());
        }
        Ok(Self { secret: Secret::Foreign(Arc::new(Foreign::generate(name)?)), kid: None })
    }

    /// Reads a private EC P-256 JWK.
    pub(crate) fn from_jwk(jwk: &Value) -> Result<Self> {
        ensure!(jwk["kty"] == "EC" && jwk["crv"] == "P-256", "only EC P-256 keys are supported");
        let d = jwk["d"].as_str().context("the JWK has no private member `d`")?;
        let secret = SigningKey::from_slice(&unb64u(d)?)?;
        Ok(Self { secret: Secret::P256(secret), kid: jwk["kid"].as_str().map(str::to_owned) })
    }

    /// Reads a private RSA key, for RS256.
    pub(crate) fn from_pkcs8(der: &[u8], kid: &str) -> Result<Self> {
        Ok(Self { secret: Secret::Foreign(Arc::new(Foreign::from_pkcs8(der)?)), kid: Some(kid.to_owned()) })
    }

    /// The private key of one for RS256.
    pub(crate) fn pkcs8(&self) -> Result<Vec<u8>> {
        match &self.secret {
            Secret::Foreign(key) => key.pkcs8(),
            Secret::P256(_) => bail!("not an RSA key"),
        }
    }

    /// The registered name of the algorithm it signs with.
    pub(crate) fn algorithm(&self) -> &'static str {
        match &self.secret {
            Secret::P256(_) => "ES256",
            Secret::Foreign(key) => key.name,
        }
    }

    /// The required public members only.
    pub(crate) fn public(&self) -> Value {
        match &self.secret {
            Secret::P256(secret) => {
                let point = VerifyingKey::from(secret).to_sec1_point(false);
                let coordinate = |from: usize| b64u(&point.as_bytes()[from..from + 32]);
                json!({"kty": "EC", "crv": "P-256", "x": coordinate(1), "y": coordinate(33)})
            }
            Secret::Foreign(key) => key.public(),
        }
    }

    /// The public members and, of a P-256 key, the private one.
    pub(crate) fn private(&self) -> Value {
        let mut jwk = self.public();
        if let Secret::P256(secret) = &self.secret {
            jwk["d"] = b64u(secret.to_bytes()).into();
        }
        jwk
    }

    /// The octets of a signature as JWS and HTTP message signatures have them; for ECDSA, r and s.
    pub(crate) fn sign(&self, message: &[u8]) -> Vec<u8> {
        match &self.secret {
            Secret::P256(secret) => {
                let signature: Signature = secret.sign(message);
                signature.to_bytes().to_vec()
            }
            Secret::Foreign(key) => key.sign(message),
        }
    }
}

/// The RFC 7638 SHA-256 thumbprint of a public key.
pub(crate) fn thumbprint(jwk: &Value) -> String {
    let members: &[&str] = match jwk["kty"].as_str() {
        Some("RSA") => &["e", "kty", "n"],
        Some("OKP") => &["crv", "kty", "x"],
        _ => &["crv", "kty", "x", "y"],
    };
    let canonical: Vec<String> = members.iter().map(|name| format!(r#""{name}":{}"#, jwk[*name])).collect();
    b64u(sha256(format!("{{{}}}", canonical.join(",")).as_bytes()))
}

/// Verifies an ES256 signature, r and s, with a public JWK.
pub(crate) fn verify_es256(jwk: &Value, message: &[u8], signature: &[u8]) -> Result<()> {
    use p256::ecdsa::signature::Verifier;
    let signature = Signature::from_slice(signature).context("the signature is not r and s")?;
    if public(jwk)?.verify(message, &signature).is_err() {
        bail!("the signature is wrong");
    }
    Ok(())
}

/// Reads a public EC P-256 JWK.
fn public(jwk: &Value) -> Result<VerifyingKey> {
    ensure!(jwk["kty"] == "EC" && jwk["crv"] == "P-256", "only EC P-256 keys are supported");
    let mut point = vec![4];
    for name in ["x", "y"] {
        point.extend(unb64u(jwk[name].as_str().with_context(|| format!("no `{name}`"))?)?);
    }
    Ok(VerifyingKey::from_sec1_bytes(&point)?)
}
