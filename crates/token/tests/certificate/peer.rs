//! What a peer presents, before it is read.

use procura_token::{
    AccessToken, AccessTokenRules, Algorithm, CertificateDer, CertificateError as E, CertificateThumbprint, Confirmation, Issuer,
    MAX_CHAIN, MAX_CHAIN_BYTES, PeerCertificate, Resource, Unverified, VerifyError,
};

use crate::pki::{Authority, leaf_params};

fn of(lengths: &[usize]) -> Result<PeerCertificate, E> {
    PeerCertificate::new(lengths.iter().map(|length| CertificateDer::from(vec![0; *length])).collect())
}

#[test]
fn count_and_size_are_bounded() {
    assert_eq!(of(&[]).unwrap_err(), E::Empty);
    assert!(of(&[1; MAX_CHAIN]).is_ok());
    assert_eq!(of(&[1; MAX_CHAIN + 1]).unwrap_err(), E::TooMany { limit: MAX_CHAIN });
    assert!(of(&[MAX_CHAIN_BYTES - 1, 1]).is_ok());
    assert_eq!(of(&[MAX_CHAIN_BYTES, 1]).unwrap_err(), E::TooLong { limit: MAX_CHAIN_BYTES });
}

#[test]
fn chains_of_the_same_bytes_cut_otherwise_have_other_fingerprints() {
    let cuts = [vec![0], vec![0, 0], vec![1], vec![1, 1], vec![2], vec![0, 2], vec![2, 0]];
    for (place, one) in cuts.iter().enumerate() {
        for other in &cuts[..place] {
            assert_ne!(of(one).unwrap().fingerprint(), of(other).unwrap().fingerprint());
        }
    }
}

#[test]
fn nothing_of_a_certificate_is_printed() {
    let leaf = Authority::root("root").leaf(&leaf_params());
    let peer = PeerCertificate::new(vec![leaf]).unwrap();
    let printed = format!("{peer:?}");
    assert_eq!(printed, format!("PeerCertificate({})", procura_token::base64url::encode(peer.fingerprint())));
}

/// MTLSB-05: the DER, hashed; RFC 8705 section 3.1 shows a value of this form.
#[test]
fn a_certificate_thumbprint_is_the_hash_of_its_der() {
    let peer = PeerCertificate::new(vec![CertificateDer::from(b"abc".to_vec()), CertificateDer::from(vec![1])]).unwrap();
    assert_eq!(peer.thumbprint().to_string(), "ungWv48Bz-pBQUDeXa4iI7ADYaOWF3qctBD_YfIAFa0");
    let sample = "bwcK0esc3ACC3DB2Y5_lESsXE8o9ltc05O89jdN-dg2";
    assert!(sample.parse::<CertificateThumbprint>().is_err(), "the RFC's sample ends in bits that no encoder writes");
}

/// MTLSB-06, CNF-02: a token is bound to one thing, and the other kind does not stand for it.
#[test]
fn a_token_bound_to_a_certificate_is_satisfied_by_that_certificate_alone() {
    let signer = super::sample::key(Algorithm::Es256);
    let peer = of(&[3]).unwrap();
    let token = AccessToken { cnf: peer.thumbprint().into(), ..super::sample::access_token(&signer) };
    let (issuer, audience): (Issuer, Resource) = (token.iss.clone(), token.aud.clone());
    let rules =
        AccessTokenRules { issuer: &issuer, audience: &audience, algorithms: Algorithm::DEFAULT, skew: super::sample::SKEW };
    let text = token.issue(&signer).unwrap();
    let now = super::sample::at(super::sample::NOW);
    let verified =
        Unverified::<AccessToken>::parse(&text).unwrap().verify(&super::sample::keys_of(&signer), &rules, now).unwrap();
    assert_eq!(verified.cnf, Confirmation::Certificate(peer.thumbprint()));
    assert_eq!(verified.verify_binding(peer.thumbprint()), Ok(()));
    assert_eq!(verified.verify_binding(of(&[4]).unwrap().thumbprint()), Err(VerifyError::Binding));
    let same_octets = peer.thumbprint().to_string().parse::<procura_token::Thumbprint>().unwrap();
    assert_eq!(verified.verify_binding(same_octets), Err(VerifyError::Binding));
}
