//! No certificate and no bundle makes a reader panic, and a chain that is believed names one workload of its trust domain.
//!
//! The first byte of the input says what the rest is: `C` a chain, each certificate behind its length in two bytes; `T` what a
//! leaf says, which is then signed by the authority, so that the fuzzer gets past the signature; `B` a bundle; `D` certificates
//! one after the other.
#![no_main]

use std::sync::LazyLock;

use libfuzzer_sys::fuzz_target;
use procura_token::{
    Bundle, CertificateDer, CertificateThumbprint, PeerCertificate, Signer, SigningKey, UnixTime, UnverifiedX509Svid,
    X509Authorities, split_certificates,
};

/// A published test key, and the certificate of the authority that has it.
const KEY: &str = r#"{"kty":"EC","crv":"P-256","d":"6vVFqRQTGdCB_G7HTkS_t-5SOMajVWr6t3WBEtm4c0Q","x":"a_U802Q0A30pS4OkOziRsWxQiIdLTnkHgsd5AapWa8s","y":"l2d8q9sa9bIWyhXY3DBiisN_e9-LVd9v7eHvkCgrkOI"}"#;
const AUTHORITY: &str = "MIIBRzCB7qADAgECAg98EGPExlzfCpfsD2mnoTwwCgYIKoZIzj0EAwIwFDESMBAGA1UEAwwJYXV0aG9yaXR5MB4XDTI3MDExNDA4MDAwMFoXDTI3MDExNjA4MDAwMFowFDESMBAGA1UEAwwJYXV0aG9yaXR5MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEa/U802Q0A30pS4OkOziRsWxQiIdLTnkHgsd5AapWa8uXZ3yr2xr1shbKFdjcMGKKw39734tV32/t4e+QKCuQ4qMjMCEwDwYDVR0TAQH/BAUwAwEB/zAOBgNVHQ8BAf8EBAMCAQYwCgYIKoZIzj0EAwIDSAAwRQIgLFxGzOWKGo7j4EfGk+9k1ucZMzT2PCbq7lZZwXCe+n4CIQCJHNzZ16oTDeVT6QTweejLaCFpW0MfygSdfl9QcWlbyQ==";
const NOW: UnixTime = UnixTime::from_secs(1_800_000_000);

static SIGNER: LazyLock<SigningKey> = LazyLock::new(|| SigningKey::from_jwk(KEY.as_bytes()).expect("a good key"));
static AUTHORITIES: LazyLock<X509Authorities> = LazyLock::new(|| {
    let bundle = format!(r#"{{"keys":[{{"use":"x509-svid","x5c":["{AUTHORITY}"]}}]}}"#);
    X509Authorities::parse_bundle(bundle.as_bytes()).expect("a good bundle").0
});

fn element(tag: u8, content: &[u8]) -> Vec<u8> {
    let length = content.len();
    let head = match length {
        0..0x80 => vec![tag, length as u8],
        0x80..0x100 => vec![tag, 0x81, length as u8],
        _ => vec![tag, 0x82, (length >> 8) as u8, length as u8],
    };
    [head, content.to_vec()].concat()
}

/// A non-negative INTEGER.
fn integer(bytes: &[u8]) -> Vec<u8> {
    let significant: Vec<u8> = bytes.iter().copied().skip_while(|byte| *byte == 0).collect();
    let sign = significant.first().is_none_or(|first| *first >= 0x80);
    element(2, &if sign { [vec![0], significant].concat() } else { significant })
}

/// The certificate that says `body`, signed with ECDSA and SHA-256.
fn signed(body: &[u8]) -> CertificateDer<'static> {
    const ECDSA_SHA256: [u8; 12] = *b"\x30\x0a\x06\x08\x2a\x86\x48\xce\x3d\x04\x03\x02";
    let signature = SIGNER.sign(body).expect("the key signs");
    let (r, s) = signature.split_at(32);
    let signature = element(0x30, &[integer(r), integer(s)].concat());
    let bits = element(3, &[vec![0], signature].concat());
    CertificateDer::from(element(0x30, &[body, &ECDSA_SHA256, &bits].concat()))
}

fn chain(mut bytes: &[u8]) -> Vec<CertificateDer<'static>> {
    let mut chain = Vec::new();
    while let Some(([high, low], rest)) = bytes.split_first_chunk() {
        let (one, rest) = rest.split_at(rest.len().min(usize::from(u16::from_be_bytes([*high, *low]))));
        chain.push(CertificateDer::from(one.to_vec()));
        bytes = rest;
    }
    chain
}

fn judge(chain: Vec<CertificateDer<'static>>) {
    let Ok(peer) = PeerCertificate::new(chain) else { return };
    let Ok(svid) = UnverifiedX509Svid::parse(&peer) else { return };
    assert!(svid.verify(&X509Authorities::default(), NOW).is_err());
    let Ok(verified) = svid.verify(&AUTHORITIES, NOW) else { return };
    assert_eq!(verified.id().trust_domain(), svid.trust_domain());
    assert!(verified.id().is_spiffe() && verified.id().path().len() > 1);
    let id = verified.id().as_str().as_bytes();
    assert!(peer.leaf().windows(id.len()).any(|window| window == id));
    assert_eq!(verified.thumbprint(), CertificateThumbprint::of(peer.leaf()));
    assert!(verified.verify_time(NOW).is_ok() && verified.expires() >= NOW.whole_secs());
    assert!(verified.verify_time(verified.expires() + core::time::Duration::from_secs(1)).is_err());
}

fuzz_target!(|input: &[u8]| {
    match input.split_first() {
        Some((b'C', rest)) => judge(chain(rest)),
        Some((b'T', rest)) if rest.len() < 60_000 => judge(vec![signed(rest)]),
        Some((b'B', rest)) => {
            if let Ok((set, left_out)) = X509Authorities::parse_bundle(rest) {
                assert!(set.len() + left_out.len() <= 2 * procura_token::MAX_KEYS);
            }
            if let Ok((bundle, _)) = Bundle::parse(rest) {
                assert!(bundle.jwt.len() + bundle.wit.len() + bundle.x509.len() <= procura_token::MAX_KEYS);
            }
            if let Ok((set, left_out)) = Bundle::parse_keys(rest, "jwt-svid") {
                assert!(set.len() + left_out.len() <= procura_token::MAX_KEYS && set.knows(None));
            }
        }
        // A row of certificates, as the Workload API gives them.
        Some((b'D', rest)) => {
            if let Ok(certificates) = split_certificates(rest, procura_token::MAX_KEYS) {
                assert_eq!(certificates.iter().flat_map(|one| one.iter().copied()).collect::<Vec<_>>(), rest);
            }
            if let Ok((set, left_out)) = X509Authorities::from_der(rest) {
                assert!(set.len() + left_out.len() <= procura_token::MAX_KEYS);
            }
        }
        _ => {}
    }
});
