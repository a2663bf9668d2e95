//! Keys of every other algorithm than ES256, and their signatures.

use super::b64u;
use anyhow::{Context, Result, bail};
use aws_lc_rs::encoding::{AsDer, Pkcs8V1Der};
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa::KeySize;
use aws_lc_rs::signature::{
    self as algorithm, EcdsaKeyPair, EcdsaSigningAlgorithm, Ed25519KeyPair, KeyPair, RsaEncoding, RsaKeyPair,
};
use serde_json::{Value, json};

/// A key pair that signs with one algorithm.
pub(super) struct Foreign {
    pub(super) name: &'static str,
    pair: Pair,
}

enum Pair {
    Ecdsa { pair: EcdsaKeyPair, curve: &'static str },
    Edwards(Ed25519KeyPair),
    Rsa { pair: Box<RsaKeyPair>, encoding: &'static dyn RsaEncoding },
}

impl Foreign {
    /// A new key for an algorithm by its registered name.
    pub(super) fn generate(name: &'static str) -> Result<Self> {
        let pair = match name {
            "ES384" => ecdsa(&algorithm::ECDSA_P384_SHA384_FIXED_SIGNING, "P-384")?,
            "ES512" => ecdsa(&algorithm::ECDSA_P521_SHA512_FIXED_SIGNING, "P-521")?,
            "ES256K" => ecdsa(&algorithm::ECDSA_P256K1_SHA256_FIXED_SIGNING, "secp256k1")?,
            "EdDSA" | "Ed25519" => Pair::Edwards(Ed25519KeyPair::generate().context("no Ed25519 key")?),
            "RS256" => rsa(&algorithm::RSA_PKCS1_SHA256)?,
            "RS384" => rsa(&algorithm::RSA_PKCS1_SHA384)?,
            "RS512" => rsa(&algorithm::RSA_PKCS1_SHA512)?,
            "PS256" => rsa(&algorithm::RSA_PSS_SHA256)?,
            "PS384" => rsa(&algorithm::RSA_PSS_SHA384)?,
            "PS512" => rsa(&algorithm::RSA_PSS_SHA512)?,
            _ => bail!("this runner cannot sign with `{name}`"),
        };
        Ok(Self { name, pair })
    }

    /// A key for RS256 that was kept.
    pub(super) fn from_pkcs8(der: &[u8]) -> Result<Self> {
        let pair = Box::new(RsaKeyPair::from_pkcs8(der).context("no RSA key")?);
        Ok(Self { name: "RS256", pair: Pair::Rsa { pair, encoding: &algorithm::RSA_PKCS1_SHA256 } })
    }

    /// A private RSA key, to be kept.
    pub(super) fn pkcs8(&self) -> Result<Vec<u8>> {
        let Pair::Rsa { pair, .. } = &self.pair else { bail!("only RSA keys are kept") };
        let der: Pkcs8V1Der<'_> = pair.as_der().context("the key cannot be written")?;
        Ok(der.as_ref().to_vec())
    }

    /// The required public members only.
    pub(super) fn public(&self) -> Value {
        match &self.pair {
            Pair::Ecdsa { pair, curve } => {
                let point = &pair.public_key().as_ref()[1..];
                let (x, y) = point.split_at(point.len() / 2);
                json!({"kty": "EC", "crv": curve, "x": b64u(x), "y": b64u(y)})
            }
            Pair::Edwards(pair) => json!({"kty": "OKP", "crv": "Ed25519", "x": b64u(pair.public_key().as_ref())}),
            // A DER sequence of the two numbers: of 2048 bits, so nine octets stand before the modulus, and 65537.
            Pair::Rsa { pair, .. } => {
                json!({"kty": "RSA", "n": b64u(&pair.public_key().as_ref()[9..265]), "e": "AQAB"})
            }
        }
    }

    /// The octets of a signature as JWS has them.
    pub(super) fn sign(&self, message: &[u8]) -> Vec<u8> {
        let random = SystemRandom::new();
        match &self.pair {
            Pair::Ecdsa { pair, .. } => pair.sign(&random, message).map(|made| made.as_ref().to_vec()).unwrap_or_default(),
            Pair::Edwards(pair) => pair.sign(message).as_ref().to_vec(),
            Pair::Rsa { pair, encoding } => {
                let mut made = vec![0; pair.public_modulus_len()];
                match pair.sign(*encoding, &random, message, &mut made) {
                    Ok(()) => made,
                    Err(_) => Vec::new(),
                }
            }
        }
    }
}

fn ecdsa(kind: &'static EcdsaSigningAlgorithm, curve: &'static str) -> Result<Pair> {
    Ok(Pair::Ecdsa { pair: EcdsaKeyPair::generate(kind).context("no ECDSA key")?, curve })
}

fn rsa(encoding: &'static dyn RsaEncoding) -> Result<Pair> {
    let pair = RsaKeyPair::generate(KeySize::Rsa2048).context("no RSA key")?;
    Ok(Pair::Rsa { pair: Box::new(pair), encoding })
}
