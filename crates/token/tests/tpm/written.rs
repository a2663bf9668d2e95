//! Structures written field by field, so that each can be wrong; signed by a program, as no TPM would sign them.

use procura_token::tpm::{KeyAttestation, TpmError};
use procura_token::{Algorithm, Signer as _, SigningKey, sha256};

use crate::recorded::verify;

pub(crate) const RESIDENT: u32 = 0x32;
pub(crate) const RESTRICTED: u32 = 1 << 16;
pub(crate) const DECRYPT: u32 = 1 << 17;
pub(crate) const SIGN: u32 = 1 << 18;
pub(crate) const OCCASION: &[u8] = b"occasion";

/// A public area of a P-256 key.
pub(crate) struct Area {
    pub(crate) kind: u16,
    pub(crate) name_hash: u16,
    pub(crate) attributes: u32,
    pub(crate) policy: Vec<u8>,
    pub(crate) symmetric: Vec<u8>,
    pub(crate) scheme: Vec<u8>,
    pub(crate) curve: u16,
    pub(crate) kdf: u16,
    pub(crate) point: [Vec<u8>; 2],
}

impl Area {
    pub(crate) fn of(key: &SigningKey, attributes: u32) -> Self {
        let jwk = serde_json::to_value(key.public_key()).unwrap();
        let coordinate = |name: &str| procura_token::base64url::decode(jwk[name].as_str().unwrap()).unwrap();
        Self {
            kind: 0x23,
            name_hash: 0x0b,
            attributes,
            policy: Vec::new(),
            symmetric: vec![0, 0x10],
            scheme: vec![0, 0x18, 0, 0x0b],
            curve: 3,
            kdf: 0x10,
            point: [coordinate("x"), coordinate("y")],
        }
    }

    /// `TPMT_PUBLIC`.
    pub(crate) fn content(&self) -> Vec<u8> {
        let integers = [self.kind.to_be_bytes(), self.name_hash.to_be_bytes()].concat();
        let (curve, kdf) = (self.curve.to_be_bytes(), self.kdf.to_be_bytes());
        let [x, y] = &self.point;
        let attributes = self.attributes.to_be_bytes();
        let policy = buffer(&self.policy);
        [&integers, &attributes[..], &policy, &self.symmetric, &self.scheme, &curve, &kdf, &buffer(x), &buffer(y)].concat()
    }

    /// `TPM2B_PUBLIC`.
    pub(crate) fn bytes(&self) -> Vec<u8> {
        buffer(&self.content())
    }

    pub(crate) fn name(&self) -> Vec<u8> {
        [&self.name_hash.to_be_bytes()[..], &sha256(&self.content())].concat()
    }
}

/// A `TPMS_ATTEST`.
pub(crate) struct Statement {
    pub(crate) magic: u32,
    pub(crate) kind: u16,
    pub(crate) qualifying: Vec<u8>,
    pub(crate) safe: u8,
    pub(crate) subject: Vec<u8>,
    pub(crate) tail: Vec<u8>,
}

impl Statement {
    fn bytes(&self) -> Vec<u8> {
        let head = [&self.magic.to_be_bytes()[..], &self.kind.to_be_bytes(), &buffer(&[0, 0x0b, 7]), &buffer(&self.qualifying)];
        let clock = [&[9; 16][..], &[self.safe], &[8; 8]].concat();
        [&head.concat()[..], &clock, &buffer(&self.subject), &buffer(&[5; 34]), &self.tail].concat()
    }
}

/// Everything that goes into an attestation.
pub(crate) struct Scene {
    pub(crate) signer: SigningKey,
    pub(crate) ak: Area,
    pub(crate) key: Area,
    pub(crate) statement: Statement,
    /// Algorithm and hash of the signature.
    pub(crate) scheme: [u8; 4],
}

impl Scene {
    /// One that is believed.
    pub(crate) fn new() -> Self {
        let (signer, key) = (SigningKey::generate(Algorithm::Es256).unwrap(), SigningKey::generate(Algorithm::Es256).unwrap());
        let (ak, key) = (Area::of(&signer, RESIDENT | RESTRICTED | SIGN), Area::of(&key, RESIDENT | SIGN));
        let statement = Statement {
            magic: 0xff54_4347,
            kind: 0x8017,
            qualifying: OCCASION.to_vec(),
            safe: 1,
            subject: key.name(),
            tail: Vec::new(),
        };
        Self { signer, ak, key, statement, scheme: [0, 0x18, 0, 0x0b] }
    }

    /// The same with one thing changed; the statement names the key that it then is.
    pub(crate) fn with(change: impl FnOnce(&mut Self)) -> Self {
        let mut scene = Self::new();
        change(&mut scene);
        scene.statement.subject = scene.key.name();
        scene
    }

    pub(crate) fn judge(&self) -> Result<(), TpmError> {
        let statement = self.statement.bytes();
        let raw = self.signer.sign(&statement).unwrap();
        let signature = [&self.scheme[..], &buffer(&raw[..32]), &buffer(&raw[32..])].concat();
        let (ak, key) = (self.ak.bytes(), self.key.bytes());
        let parts = KeyAttestation { attestation_key: &ak, key: &key, statement: &statement, signature: &signature };
        verify(&parts, OCCASION).map(|_| ())
    }
}

pub(crate) fn buffer(bytes: &[u8]) -> Vec<u8> {
    [&u16::try_from(bytes.len()).unwrap().to_be_bytes()[..], bytes].concat()
}
