//! The `x509-svid` entries of a SPIFFE bundle.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use procura_token::{CertificateError, LeftOut, MAX_KEYS, X509Authorities};
use rcgen::KeyUsagePurpose;
use serde_json::{Value, json};

use crate::pki::{Authority, authority_params, judge, leaf_params};

fn parse(keys: &Value) -> (X509Authorities, Vec<LeftOut>) {
    X509Authorities::parse_bundle(json!({"keys": keys}).to_string().as_bytes()).unwrap()
}

fn x5c(authority: &Authority) -> String {
    STANDARD.encode(&authority.certificate)
}

/// X509-16: what has no certificate is passed over; of several the first counts.
#[test]
fn the_first_certificate_of_an_entry_counts() {
    let (first, second) = (Authority::root("first"), Authority::root("second"));
    let (set, left_out) = parse(&json!([
        {"use": "x509-svid"}, {"use": "x509-svid", "x5c": []}, {"use": "x509-svid", "x5c": "x"}, {"use": "x509-svid", "x5c": [7]},
        {"use": "x509-svid", "x5c": [x5c(&first), x5c(&second)]},
    ]));
    assert_eq!(set, parse(&json!([{"use": "x509-svid", "x5c": [x5c(&first)]}])).0);
    let none = |entry| LeftOut::NoCertificate { entry };
    assert_eq!(left_out, [none(0), none(1), none(2), none(3), LeftOut::MoreCertificates { entry: 4 }]);
}

/// SPIFFECA-04 the other way round: no key of another use vouches for certificates.
#[test]
fn entries_of_other_uses_do_not_count() {
    let root = Authority::root("root");
    for other in [json!("jwt-svid"), json!("wit-svid"), json!("sig"), json!("X509-SVID"), json!(null), json!(["x509-svid"])] {
        let (set, left_out) = parse(&json!([{"use": other, "kty": "EC", "x5c": [x5c(&root)]}, {"x5c": [x5c(&root)]}]));
        assert!(set.is_empty() && left_out.is_empty());
    }
}

/// X509-17: the union of all entries; the members of the JWK do not matter.
#[test]
fn all_entries_count_once() {
    let (one, two) = (Authority::root("one"), Authority::root("two"));
    let entry = |root| json!({"use": "x509-svid", "kty": "new", "kid": 7, "x5c": [x5c(root)]});
    let (set, left_out) = parse(&json!([entry(&one), entry(&two), entry(&one)]));
    assert_eq!((set.len(), left_out.len()), (2, 0));
    for root in [&one, &two] {
        assert!(judge(&[&root.leaf(&leaf_params())], &[&one.certificate, &two.certificate]).is_ok());
    }
}

#[test]
fn what_is_no_authority_is_left_out_and_said() {
    let root = Authority::root("root");
    let leaf = STANDARD.encode(root.leaf(&leaf_params()));
    let mut params = authority_params("lists only");
    params.key_usages = vec![KeyUsagePurpose::CrlSign];
    let lists_only = x5c(&Authority::self_signed(params));
    let url_safe = base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(&root.certificate);
    let trailing = STANDARD.encode([root.certificate.as_ref(), &[0]].concat());
    for (text, cause) in [
        (leaf, CertificateError::Signer("`cA` is not set")),
        (lists_only, CertificateError::Signer("`keyCertSign` is not set")),
        (url_safe, CertificateError::Malformed("not base64")),
        (String::new(), CertificateError::Malformed("not a certificate in DER")),
        (trailing, CertificateError::Malformed("not a certificate in DER")),
        (STANDARD.encode([0; 65_537]), CertificateError::TooLong { limit: 65_536 }),
    ] {
        let (set, left_out) = parse(&json!([{"use": "x509-svid", "x5c": [text]}]));
        assert!(set.is_empty());
        assert_eq!(left_out, [LeftOut::NoAuthority { entry: 0, cause }]);
    }
}

#[test]
fn an_authority_without_key_usage_is_one() {
    let mut params = authority_params("root");
    params.key_usages = vec![];
    let root = Authority::self_signed(params);
    assert!(judge(&[&root.leaf(&leaf_params())], &[&root.certificate]).is_ok());
}

#[test]
fn a_document_that_is_no_bundle_is_refused() {
    let many = json!({"keys": vec![json!({}); MAX_KEYS + 1]}).to_string();
    for document in ["", "{}", "[]", r#"{"keys":{}}"#, r#"{"keys":[],"keys":[]}"#, &many] {
        assert!(X509Authorities::parse_bundle(document.as_bytes()).is_err(), "{document}");
    }
}
