//! What a guard cannot be made of.

use std::time::Duration;

use http::HeaderName;
use procura_guard::{BuildError, Bundle, Freshness, Guard, KeysError};

use crate::world::{AUDIENCE, ISSUER, World};

#[test]
fn settings_that_contradict_each_other_are_refused() {
    let world = World::new();
    let name = "dev.procura.test".parse().unwrap();
    let field = HeaderName::from_static;
    let with_domain = || world.builder().trust_domain(&name, world.bundle());
    let error = |builder: procura_guard::GuardBuilder| builder.build().map(drop).unwrap_err();
    assert!(matches!(error(world.builder().workload_proof_tokens()), BuildError::Wits));
    assert!(matches!(error(world.builder().message_signatures()), BuildError::Wits));
    assert!(matches!(error(world.builder().legacy_workload_proof_header()), BuildError::Wits));
    assert!(matches!(error(with_domain()), BuildError::Wits));
    let twice = with_domain().trust_domain(&name, world.bundle()).workload_proof_tokens();
    assert!(matches!(error(twice), BuildError::TrustDomain(origin) if origin == "spiffe://dev.procura.test"));
    let unsigned = with_domain().workload_proof_tokens().sign_responses(|| None);
    assert!(matches!(error(unsigned), BuildError::Responses));
    for name in ["authorization", "dpop", "workload-identity-token", "txn-token", "signature", "cookie"] {
        assert!(matches!(error(world.workloads().delegation_header(field(name))), BuildError::TokenField(_)), "{name}");
        assert!(matches!(error(world.workloads().token_header(field(name))), BuildError::TokenField(_)), "{name}");
    }
    assert!(matches!(error(world.workloads().token_header(field("delegation-token"))), BuildError::TokenField(_)));
    let many = (0..16).fold(world.workloads(), |builder, n| builder.token_header(format!("x-{n}").parse().unwrap()));
    assert!(matches!(error(many), BuildError::TokenField(_)));
}

#[test]
fn a_guard_needs_a_public_url_algorithms_and_bounded_leeway() {
    let world = World::new();
    let bare = Guard::builder(ISSUER.parse().unwrap(), AUDIENCE.parse().unwrap());
    assert!(matches!(bare.build().map(drop), Err(BuildError::NoPublicUrl)));
    for url in ["api.example", "https://api.example?x", "https://u@api.example", "ftp://api.example"] {
        assert!(matches!(world.builder().public_url(url).build().map(drop), Err(BuildError::PublicUrl { .. })), "{url}");
    }
    let long = Duration::from_secs(301);
    assert!(matches!(world.builder().skew(long).build().map(drop), Err(BuildError::Leeway)));
    let freshness = Freshness { age: long, ..Freshness::default() };
    assert!(matches!(world.builder().freshness(freshness).build().map(drop), Err(BuildError::Leeway)));
    assert!(matches!(world.builder().proof_algorithms(&[]).build().map(drop), Err(BuildError::NoAlgorithm)));
}

/// FED-09, WIT-05: a bundle comes from where configuration says, over a way that is protected.
#[test]
fn a_bundle_on_another_machine_needs_https() {
    for url in ["http://sts.example/spiffe/bundle", "file:///etc/bundle", "https://u:p@sts.example/bundle", "bundle"] {
        assert!(matches!(Bundle::at(url).map(drop), Err(KeysError::Unprotected(_))), "{url}");
    }
    assert!(Bundle::at("http://127.0.0.1:8080/spiffe/bundle").is_ok());
}
