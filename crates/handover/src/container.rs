//! The envelope: blocks, the keys between them, and the signatures (Biscuit's specification, "Cryptography").

use aws_lc_rs::signature::{Ed25519KeyPair, KeyPair as _};
use base64::Engine as _;
use base64::alphabet::URL_SAFE;
use base64::engine::general_purpose::{GeneralPurpose, PAD};
use biscuit_auth::format::schema::{self, proof};
use procura_token::{ParseError, VerifyError, VerifyingKey};
use prost::Message as _;

use crate::wire::fields;
use crate::{MAX_BISCUIT, MAX_HOPS, key, malformed};

/// Base64url with padding, in its one canonical form: how Biscuits are written.
const TEXT: GeneralPurpose = GeneralPurpose::new(&URL_SAFE, PAD);
/// The version of signatures over blocks that others signed.
const SIGNATURE: u32 = 1;

/// A Biscuit of the one shape that a hand-over has. No signature was looked at.
#[derive(Clone, PartialEq)]
pub(crate) struct Container(schema::Biscuit);

impl Container {
    /// Reads the text of a Biscuit.
    pub(crate) fn parse(text: &str) -> Result<Self, ParseError> {
        if text.len() > MAX_BISCUIT {
            return Err(ParseError::TooLong { limit: MAX_BISCUIT });
        }
        let bytes = TEXT.decode(text).map_err(|_| ParseError::Base64url)?;
        // Root key, first block, proof, and the hand-overs: counted before anything is made of them.
        fields(&bytes, MAX_HOPS + 3)?;
        let container = Self(schema::Biscuit::decode(&*bytes).map_err(|_| malformed("not a Biscuit"))?);
        container.rule()?;
        if container.0.encode_to_vec() == bytes { Ok(container) } else { Err(malformed("not in its one form")) }
    }

    fn rule(&self) -> Result<(), ParseError> {
        let schema::Biscuit { root_key_id, authority, blocks, .. } = &self.0;
        if root_key_id.is_none() {
            return Err(malformed("no root key is named"));
        }
        if authority.external_signature.is_some() || authority.version.is_some() {
            return Err(malformed("the first block is not signed as it should be"));
        }
        if blocks.iter().any(|block| block.version != Some(SIGNATURE) || block.external_signature.is_none()) {
            return Err(malformed("a block that nobody signed for"));
        }
        self.secret().map(|_| ()).ok_or(malformed("sealed, or without a proof"))
    }

    #[cfg(feature = "sign")]
    pub(crate) fn to_text(&self) -> String {
        TEXT.encode(self.0.encode_to_vec())
    }

    pub(crate) fn root_key_id(&self) -> u32 {
        self.0.root_key_id.unwrap_or_default()
    }

    /// The body of the first block.
    pub(crate) fn authority(&self) -> &[u8] {
        &self.0.authority.block
    }

    /// The bodies of the other blocks.
    pub(crate) fn hops(&self) -> impl Iterator<Item = &[u8]> {
        self.0.blocks.iter().map(|block| &*block.block)
    }

    /// Verifies the signature of the first block.
    pub(crate) fn verify_authority(&self, root: &VerifyingKey) -> Result<(), VerifyError> {
        let block = &self.0.authority;
        key::verify(root, &authority_message(&block.block, &block.next_key), &block.signature)
    }

    /// Verifies the signatures of the block after `index` others: by the key that the block before it names, and by `holder`.
    pub(crate) fn verify_hop(
        &self,
        index: usize,
        holder: &VerifyingKey,
        holder_key: &schema::PublicKey,
    ) -> Result<(), VerifyError> {
        let block = self.0.blocks.get(index).ok_or(VerifyError::Signature)?;
        let previous = index.checked_sub(1).and_then(|before| self.0.blocks.get(before)).unwrap_or(&self.0.authority);
        let external = block.external_signature.as_ref().ok_or(VerifyError::Signature)?;
        if external.public_key != *holder_key {
            return Err(VerifyError::Binding);
        }
        let by = key::next_key(&previous.next_key)?;
        let message = hop_message(&block.block, &block.next_key, &previous.signature, &external.signature);
        key::verify(&by, &message, &block.signature)?;
        key::verify(holder, &external_message(&block.block, &previous.signature), &external.signature)
    }

    /// Verifies that no block was taken from the end: whoever added the last one gave the secret of the key it names.
    pub(crate) fn verify_end(&self) -> Result<(), VerifyError> {
        let last = self.last();
        key::next_key(&last.next_key)?;
        let pair = self.secret().and_then(|secret| Ed25519KeyPair::from_seed_unchecked(secret).ok());
        match pair {
            Some(pair) if pair.public_key().as_ref() == last.next_key.key => Ok(()),
            _ => Err(VerifyError::Signature),
        }
    }

    fn last(&self) -> &schema::SignedBlock {
        self.0.blocks.last().unwrap_or(&self.0.authority)
    }

    fn secret(&self) -> Option<&[u8]> {
        match &self.0.proof.content {
            Some(proof::Content::NextSecret(secret)) => Some(secret),
            _ => None,
        }
    }
}

/// Version 0 of Biscuit's signatures, which it writes where only Ed25519 is in use.
fn authority_message(block: &[u8], next: &schema::PublicKey) -> Vec<u8> {
    [block, &next.algorithm.to_le_bytes(), &next.key].concat()
}

fn hop_message(block: &[u8], next: &schema::PublicKey, previous: &[u8], external: &[u8]) -> Vec<u8> {
    let version = SIGNATURE.to_le_bytes();
    let algorithm = next.algorithm.to_le_bytes();
    let parts: [&[u8]; 12] = [
        b"\0BLOCK\0\0VERSION\0",
        &version,
        b"\0PAYLOAD\0",
        block,
        b"\0ALGORITHM\0",
        &algorithm,
        b"\0NEXTKEY\0",
        &next.key,
        b"\0PREVSIG\0",
        previous,
        b"\0EXTERNALSIG\0",
        external,
    ];
    parts.concat()
}

fn external_message(block: &[u8], previous: &[u8]) -> Vec<u8> {
    let version = SIGNATURE.to_le_bytes();
    let parts: [&[u8]; 6] = [b"\0EXTERNAL\0\0VERSION\0", &version, b"\0PAYLOAD\0", block, b"\0PREVSIG\0", previous];
    parts.concat()
}

#[cfg(feature = "sign")]
mod sign {
    use procura_token::{Algorithm, SignError, Signer, random_bytes};

    use super::*;

    /// A signature as a Biscuit writes it.
    fn sign(signer: &dyn Signer, message: &[u8]) -> Result<Vec<u8>, SignError> {
        let signature = signer.sign(message)?;
        match signer.algorithm() {
            Algorithm::Es256 => Ok(key::to_der(&signature)),
            Algorithm::EdDsa | Algorithm::Ed25519 => Ok(signature),
            _ => Err(SignError),
        }
    }

    /// A new key between two blocks: its seed, and its public half.
    fn next() -> Result<(Vec<u8>, schema::PublicKey), SignError> {
        let seed: [u8; 32] = random_bytes();
        let pair = Ed25519KeyPair::from_seed_unchecked(&seed).map_err(|_| SignError)?;
        Ok((seed.to_vec(), schema::PublicKey { algorithm: 0, key: pair.public_key().as_ref().to_vec() }))
    }

    impl Container {
        /// A Biscuit of one block, signed by `root`.
        pub(crate) fn issue(block: Vec<u8>, root: &dyn Signer) -> Result<Self, SignError> {
            let (seed, next_key) = next()?;
            let signature = sign(root, &authority_message(&block, &next_key))?;
            Ok(Self(schema::Biscuit {
                root_key_id: Some(key::name(root.public_key().thumbprint())),
                authority: schema::SignedBlock { block, next_key, signature, external_signature: None, version: None },
                blocks: Vec::new(),
                proof: schema::Proof { content: Some(proof::Content::NextSecret(seed)) },
            }))
        }

        /// This Biscuit with one block more, which `holder` signs for.
        pub(crate) fn append(
            mut self,
            block: Vec<u8>,
            holder: &dyn Signer,
            public_key: schema::PublicKey,
        ) -> Result<Self, SignError> {
            let (seed, next_key) = next()?;
            let secret = self.secret().and_then(|secret| Ed25519KeyPair::from_seed_unchecked(secret).ok()).ok_or(SignError)?;
            let previous = self.last().signature.clone();
            let external = sign(holder, &external_message(&block, &previous))?;
            let signature = secret.sign(&hop_message(&block, &next_key, &previous, &external)).as_ref().to_vec();
            self.0.blocks.push(schema::SignedBlock {
                block,
                next_key,
                signature,
                external_signature: Some(schema::ExternalSignature { signature: external, public_key }),
                version: Some(SIGNATURE),
            });
            self.0.proof.content = Some(proof::Content::NextSecret(seed));
            Ok(self)
        }
    }
}
