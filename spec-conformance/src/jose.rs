//! A small signer of every JWS algorithm and an ES256 verifier over `p256`, able to be wrong on purpose.

mod draft;
mod foreign;
mod key;

pub(crate) use draft::Draft;
pub(crate) use key::{Key, thumbprint, verify_es256};

use anyhow::{Context, Result, ensure};
use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use p256::ecdsa::Signature;
use p256::elliptic_curve::Generate;
use serde_json::{Map, Value};

/// base64url without padding.
pub(crate) fn b64u(bytes: impl AsRef<[u8]>) -> String {
    BASE64_URL_SAFE_NO_PAD.encode(bytes)
}

/// The octets behind base64url without padding.
pub(crate) fn unb64u(text: &str) -> Result<Vec<u8>> {
    BASE64_URL_SAFE_NO_PAD.decode(text).with_context(|| format!("`{text}` is not base64url"))
}

/// A random name of 128 bits, for `jti`. The only randomness at hand is that of new keys, and that is good enough.
pub(crate) fn unique() -> String {
    b64u(&p256::SecretKey::generate().to_bytes()[..16])
}

/// SHA-256.
pub(crate) fn sha256(bytes: &[u8]) -> Vec<u8> {
    use sha2::{Digest, Sha256};
    Sha256::digest(bytes).to_vec()
}

/// A token taken apart; nothing is verified.
pub(crate) struct Parts {
    pub(crate) header: Map<String, Value>,
    pub(crate) claims: Map<String, Value>,
}

/// Takes a compact JWS apart without verifying it.
pub(crate) fn decode(token: &str) -> Result<Parts> {
    let parts: Vec<&str> = token.split('.').collect();
    let [header, claims, _] = parts[..] else { anyhow::bail!("a JWS has three parts, this has {}", parts.len()) };
    let object = |part: &str| -> Result<Map<String, Value>> { Ok(serde_json::from_slice(&unb64u(part)?)?) };
    Ok(Parts { header: object(header)?, claims: object(claims)? })
}

/// The same ES256 token with its second signature, n - s for s: whoever holds a token can make it, without the key.
pub(crate) fn mirrored(token: &str) -> Result<String> {
    let (message, signature) = token.rsplit_once('.').context("no signature")?;
    let signature = Signature::from_slice(&unb64u(signature)?)?;
    let other = Signature::from_scalars(signature.r().to_bytes(), (-*signature.s()).to_bytes())?;
    Ok(format!("{message}.{}", b64u(other.to_bytes())))
}

/// SHA-256, base64url: how tokens name other tokens (`wth`, `tth`, `oth`).
pub(crate) fn token_hash(text: &str) -> String {
    b64u(sha256(text.trim().as_bytes()))
}

/// Verifies an ES256 token with the one key of `jwks` that has its `kid`, and takes it apart.
pub(crate) fn verify(token: &str, jwks: &Value, uses: &[&str]) -> Result<Parts> {
    let parts = decode(token)?;
    let kid = parts.header.get("kid").context("the token has no `kid`")?;
    ensure!(
        parts.header.get("alg") == Some(&Value::from("ES256")),
        "this runner verifies ES256 only, the token is {:?}",
        parts.header.get("alg")
    );
    let keys = jwks["keys"].as_array().context("the key set has no `keys`")?;
    let fitting =
        |key: &&Value| key.get("kid") == Some(kid) && uses.iter().any(|wanted| key["use"].as_str().unwrap_or("sig") == *wanted);
    let found: Vec<&Value> = keys.iter().filter(fitting).collect();
    let [key] = found[..] else { anyhow::bail!("{} keys of the set have `kid` {kid} and use {uses:?}", found.len()) };
    let (message, signature) = token.rsplit_once('.').context("no signature")?;
    verify_es256(key, message.as_bytes(), &unb64u(signature)?)?;
    Ok(parts)
}

#[cfg(test)]
mod tests;
