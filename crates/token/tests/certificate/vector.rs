//! The vectors `x509-svid` and `x509-bundle`, made with Python's `cryptography` or published with SPIFFE's own libraries.

use std::path::Path;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use procura_token::{CertificateDer, CertificateError as E, PeerCertificate, UnverifiedX509Svid, X509Authorities};
use serde::Deserialize;
use serde_json::Value;

use crate::pki::at;

/// Constraints on URIs are not interpreted: who is under one is refused, though it permit the name.
const STRICTER_THAN_THE_VECTOR: [&str; 1] = ["x509-svid/good-uri-permitted"];

#[derive(Deserialize)]
struct File {
    vectors: Vec<Vector>,
}

#[derive(Deserialize)]
struct Vector {
    id: String,
    now: u64,
    input: Input,
    expect: String,
    #[serde(default)]
    expect_also: Vec<String>,
    expect_authorities: Option<usize>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Input {
    #[serde(default)]
    chain: Vec<String>,
    #[serde(default)]
    trust_domain: String,
    bundle: Value,
}

fn vectors(kind: &str) -> Vec<Vector> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../spec-conformance/vectors").join(kind).with_extension("json");
    let file: File = serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap();
    assert!(!file.vectors.is_empty());
    file.vectors
}

/// The vectors' word for a refusal.
fn reason(error: &E) -> &'static str {
    match error {
        E::Empty | E::TooMany { .. } | E::TooLong { .. } | E::Malformed(_) => "malformed",
        E::NoUri | E::SeveralUris | E::Id(_) | E::Subject => "identifier",
        E::AuthorityAsLeaf | E::KeyUsage(_) | E::ExtendedKeyUsage => "usage",
        E::Key(_) => "key",
        E::Signer(_) => "authority",
        E::UnknownIssuer => "issuer",
        E::Signature => "signature",
        E::Algorithm => "algorithm",
        E::Expired { .. } | E::NotYetValid { .. } => "time",
        E::NameConstraints | E::Path(_) => "constraint",
        other => panic!("no reason for {other:?}"),
    }
}

fn judge(vector: &Vector) -> Result<(), &'static str> {
    let chain = vector.input.chain.iter().map(|one| CertificateDer::from(STANDARD.decode(one).unwrap())).collect();
    let peer = PeerCertificate::new(chain).map_err(|error| reason(&error))?;
    let svid = UnverifiedX509Svid::parse(&peer).map_err(|error| reason(&error))?;
    if svid.trust_domain() != vector.input.trust_domain {
        return Err("identifier");
    }
    let (authorities, _) = X509Authorities::parse_bundle(vector.input.bundle.to_string().as_bytes()).unwrap();
    let now = at(vector.now);
    let verified = svid.verify(&authorities, now).map_err(|error| reason(&error))?;
    assert_eq!((verified.id().trust_domain(), verified.verify_time(now)), (vector.input.trust_domain.as_str(), Ok(())));
    Ok(())
}

fn difference(vector: &Vector, verdict: Result<(), &'static str>) -> Option<String> {
    let stricter = STRICTER_THAN_THE_VECTOR.contains(&vector.id.as_str());
    let got = verdict.err().unwrap_or("accept");
    let fits = got == vector.expect || vector.expect_also.iter().any(|also| also == got);
    (fits == stricter).then(|| format!("{}: {got}, expected {} {:?}", vector.id, vector.expect, vector.expect_also))
}

#[test]
fn x509_svids_get_the_verdict_of_their_vector() {
    let differences: Vec<_> = vectors("x509-svid").iter().filter_map(|vector| difference(vector, judge(vector))).collect();
    assert!(differences.is_empty(), "{} differ:\n{}", differences.len(), differences.join("\n"));
}

#[test]
fn bundles_hold_the_authorities_of_their_vector() {
    for vector in vectors("x509-bundle") {
        let verdict = match X509Authorities::parse_bundle(vector.input.bundle.to_string().as_bytes()) {
            Ok((set, left_out)) if set.is_empty() => Err(if left_out.is_empty() { "nothing said" } else { "authority" }),
            Ok((set, _)) => {
                assert_eq!(Some(set.len()), vector.expect_authorities, "{}", vector.id);
                Ok(())
            }
            Err(_) => Err("malformed"),
        };
        assert_eq!(difference(&vector, verdict), None);
    }
}
