//! The little DER that is written here: public keys.

#[cfg(feature = "tpm")]
use crate::jwk::{Curve, Material};

/// One element: tag, length and content, the latter less than 64 KiB.
fn element(tag: u8, content: &[u8]) -> Vec<u8> {
    let length = content.len().to_be_bytes();
    let significant: Vec<u8> = length.into_iter().skip_while(|byte| *byte == 0).collect();
    let mut der = vec![tag];
    match significant.as_slice() {
        [] => der.push(0),
        [short] if *short < 0x80 => der.push(*short),
        long => {
            der.push(0x80 | long.len() as u8);
            der.extend_from_slice(long);
        }
    }
    der.extend_from_slice(content);
    der
}

fn sequence(elements: &[&[u8]]) -> Vec<u8> {
    element(0x30, &elements.concat())
}

/// `RSAPublicKey` of RFC 8017 appendix A.1.1.
pub(crate) fn pkcs1(n: &[u8], e: &[u8]) -> Vec<u8> {
    // A leading zero keeps the integers positive; the moduli and exponents that reach this have their top octet non-zero.
    let integer = |bytes: &[u8]| match bytes.first() {
        Some(first) if *first >= 0x80 => element(0x02, &[&[0], bytes].concat()),
        _ => element(0x02, bytes),
    };
    sequence(&[&integer(n), &integer(e)])
}

/// `SubjectPublicKeyInfo` (RFC 5280 section 4.1.2.7): of RSA as in RFC 3279 section 2.3.1, of curves as in RFC 5480, of Ed25519
/// as in RFC 8410.
#[cfg(feature = "tpm")]
pub(crate) fn subject_public_key_info(material: &Material) -> Vec<u8> {
    const RSA: &[u8] = b"\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x01\x01";
    const EC: &[u8] = b"\x06\x07\x2a\x86\x48\xce\x3d\x02\x01";
    const ED25519: &[u8] = b"\x06\x03\x2b\x65\x70";
    const NULL: &[u8] = b"\x05\x00";
    let (algorithm, key) = match material {
        Material::Rsa { n, e } => (sequence(&[RSA, NULL]), pkcs1(n, e)),
        Material::Ed25519 { x } => (sequence(&[ED25519]), x.to_vec()),
        Material::Ec { curve, x, y } => {
            let curve: &[u8] = match curve {
                Curve::P256 => b"\x06\x08\x2a\x86\x48\xce\x3d\x03\x01\x07",
                Curve::P384 => b"\x06\x05\x2b\x81\x04\x00\x22",
                Curve::P521 => b"\x06\x05\x2b\x81\x04\x00\x23",
            };
            (sequence(&[EC, curve]), [&[4], x.as_slice(), y].concat())
        }
    };
    sequence(&[&algorithm, &element(0x03, &[&[0], key.as_slice()].concat())])
}
