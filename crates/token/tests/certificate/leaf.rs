//! The leaf: who it names, and what it may be used for.

use procura_token::{CertificateError, CertificateThumbprint, Jwk};
use rcgen::{
    BasicConstraints, CustomExtension, ExtendedKeyUsagePurpose, IsCa, KeyPair, KeyUsagePurpose, PKCS_ECDSA_P384_SHA384,
    PKCS_ED25519, PublicKeyData as _, SanType,
};

use crate::pki::{AGENT, Authority, NOW, at, bent, judge, leaf_params, uri};

#[test]
fn a_leaf_of_an_authority_is_believed_and_says_who_it_is() {
    let root = Authority::root("root");
    let key = KeyPair::generate().unwrap();
    let leaf = root.sign(&leaf_params(), &key);
    let svid = judge(&[&leaf], &[&root.certificate]).unwrap();
    assert_eq!(svid.id().as_str(), AGENT);
    assert_eq!(svid.expires(), at(NOW + 3600));
    assert_eq!(svid.thumbprint(), CertificateThumbprint::of(&leaf));
    let (x, y) = key.der_bytes()[1..].split_at(32);
    let encode = procura_token::base64url::encode;
    let jwk = serde_json::json!({"kty": "EC", "crv": "P-256", "x": encode(x), "y": encode(y)});
    assert_eq!(svid.key_thumbprint(), Jwk::parse(jwk.to_string().as_bytes()).unwrap().thumbprint());
}

#[test]
fn ed25519_and_p384_leaves_are_believed() {
    let root = Authority::root("root");
    for algorithm in [&PKCS_ED25519, &PKCS_ECDSA_P384_SHA384] {
        let leaf = root.sign(&leaf_params(), &KeyPair::generate_for(algorithm).unwrap());
        assert!(judge(&[&leaf], &[&root.certificate]).is_ok());
    }
}

/// X509-02, MTLS-13, WIT-43, SPIFFECA-07: any second URI makes a certificate nobody's, even the same one again.
#[test]
fn two_uris_are_refused_whatever_the_second_says() {
    for second in ["spiffe://prod.example/agent/researcher", AGENT, "https://prod.example/", "urn:x", ""] {
        for turn in [false, true] {
            let mut names = vec![uri(AGENT), uri(second)];
            if turn {
                names.reverse();
            }
            assert_eq!(bent(|leaf| leaf.subject_alt_names = names).unwrap_err(), CertificateError::SeveralUris, "{second}");
        }
    }
}

/// MTLS-13, WIT-45, MTLS-11: other names may be there; they never become the identity.
#[test]
fn only_the_uri_is_the_identity() {
    let dns = || SanType::DnsName("evil.example".try_into().unwrap());
    let ip = || SanType::IpAddress("192.0.2.1".parse().unwrap());
    let svid = bent(|leaf| leaf.subject_alt_names = vec![dns(), uri(AGENT), ip()]).unwrap();
    assert_eq!(svid.id().as_str(), AGENT);
    let spelled_as_dns = SanType::DnsName(AGENT.try_into().unwrap());
    for names in [vec![], vec![dns()], vec![spelled_as_dns, ip()]] {
        assert_eq!(bent(|leaf| leaf.subject_alt_names = names).unwrap_err(), CertificateError::NoUri);
    }
}

/// X509-14, X509-03: one spelling of each identifier, `spiffe`, with a path.
#[test]
fn a_uri_that_is_no_spiffe_id_with_a_path_is_refused() {
    for id in [
        "spiffe://prod.example",
        "spiffe://prod.example/",
        "spiffe://prod.example/agent/",
        "spiffe://prod.example/agent//planner",
        "spiffe://prod.example/agent/../planner",
        "spiffe://prod.example/agent%2fplanner",
        "spiffe://PROD.example/agent/planner",
        "SPIFFE://prod.example/agent/planner",
        "spiffe://prod.example:443/agent/planner",
        "spiffe://u@prod.example/agent/planner",
        "spiffe://prod.example/agent/planner?x",
        "wimse://prod.example/agent/planner",
        "https://prod.example/agent/planner",
        "",
    ] {
        let verdict = bent(|leaf| leaf.subject_alt_names = vec![uri(id)]);
        assert!(matches!(verdict, Err(CertificateError::Id(_))), "{id}: {verdict:?}");
    }
}

/// X509-06, X509-07, X509-13: who signs certificates is no peer.
#[test]
fn an_authority_as_leaf_is_refused() {
    for constraints in [BasicConstraints::Unconstrained, BasicConstraints::Constrained(0)] {
        let verdict = bent(|leaf| {
            leaf.is_ca = IsCa::Ca(constraints);
            leaf.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        });
        assert_eq!(verdict.unwrap_err(), CertificateError::AuthorityAsLeaf);
    }
    assert!(bent(|leaf| leaf.is_ca = IsCa::NoCa).is_ok(), "absent constraints make no authority");
}

/// X509-09, X509-10, X509-13, SPIFFECA-07.
#[test]
fn a_leaf_signs_data_and_neither_certificates_nor_lists() {
    use KeyUsagePurpose as K;
    for (usages, refused) in [
        (vec![], Some("absent")),
        (vec![K::KeyEncipherment], Some("`digitalSignature` is not set")),
        (vec![K::KeyAgreement, K::ContentCommitment], Some("`digitalSignature` is not set")),
        (vec![K::DigitalSignature, K::KeyCertSign], Some("`keyCertSign` is set")),
        (vec![K::DigitalSignature, K::CrlSign], Some("`cRLSign` is set")),
        (vec![K::DigitalSignature, K::KeyEncipherment, K::KeyAgreement], None),
    ] {
        let verdict = bent(|leaf| leaf.key_usages = usages.clone());
        assert_eq!(verdict.err(), refused.map(CertificateError::KeyUsage), "{usages:?}");
    }
}

#[test]
fn a_key_usage_that_is_not_critical_is_refused() {
    let verdict = bent(|leaf| {
        leaf.key_usages = vec![];
        leaf.custom_extensions = vec![CustomExtension::from_oid_content(&[2, 5, 29, 15], vec![3, 2, 7, 0x80])];
    });
    assert_eq!(verdict.unwrap_err(), CertificateError::KeyUsage("not critical"));
}

/// X509-11, MTLS-14: if it is there it must be for clients; it need not be for servers as well.
#[test]
fn an_extended_key_usage_includes_client_authentication_or_is_absent() {
    use ExtendedKeyUsagePurpose as E;
    for (purposes, accepted) in [
        (vec![], true),
        (vec![E::ClientAuth], true),
        (vec![E::CodeSigning, E::ClientAuth], true),
        (vec![E::ServerAuth], false),
        (vec![E::Any], false),
        (vec![E::Other(vec![1, 3, 6, 1, 5, 5, 7, 3, 2, 1])], false),
    ] {
        let verdict = bent(|leaf| leaf.extended_key_usages = purposes.clone());
        assert_eq!(verdict.err(), (!accepted).then_some(CertificateError::ExtendedKeyUsage), "{purposes:?}");
    }
}

/// MTLS-02.
#[test]
fn an_unknown_extension_is_refused_only_if_it_is_critical() {
    for critical in [false, true] {
        let verdict = bent(|leaf| {
            let mut extension = CustomExtension::from_oid_content(&[1, 2, 3, 4], vec![5, 0]);
            extension.set_criticality(critical);
            leaf.custom_extensions = vec![extension];
        });
        assert_eq!(verdict.is_err(), critical);
        assert!(verdict.is_ok() || matches!(verdict, Err(CertificateError::Malformed(_))));
    }
}

/// X509-04: rcgen makes the names critical then.
#[test]
fn an_empty_subject_beside_critical_names_is_believed() {
    assert!(bent(|leaf| leaf.distinguished_name = rcgen::DistinguishedName::new()).is_ok());
}
