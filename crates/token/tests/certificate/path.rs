//! The path from the leaf to an authority of its trust domain.

use procura_token::{CertificateError as E, X509Authorities};
use rcgen::{
    BasicConstraints, CertificateParams, CustomExtension, GeneralSubtree, IsCa, KeyPair, KeyUsagePurpose, NameConstraints,
    SanType,
};

use crate::pki::{Authority, NOW, at, authority_params, bundle, judge, judge_at, leaf_params, refusal, uri, valid};

#[test]
fn a_path_through_intermediates_is_found_in_any_order() {
    let root = Authority::root("root");
    let upper = root.intermediate(authority_params("upper"));
    let lower = upper.intermediate(authority_params("lower"));
    let leaf = lower.leaf(&leaf_params());
    let (upper, lower, root) = (&upper.certificate, &lower.certificate, &root.certificate);
    assert!(judge(&[&leaf, lower, upper], &[root]).is_ok());
    assert!(judge(&[&leaf, upper, root, lower], &[root]).is_ok());
    assert!(judge(&[&leaf], &[lower]).is_ok(), "a bundle may name an authority that another signed");
    assert_eq!(refusal(&[&leaf, lower], &[root]), E::UnknownIssuer);
    assert_eq!(refusal(&[&leaf, upper], &[root]), E::UnknownIssuer);
}

/// MTLS-01, WIT-48, WIT-53, X509-12: the authority of another trust domain vouches for nobody here.
#[test]
fn the_authority_of_another_trust_domain_is_unknown() {
    let (ours, theirs) = (Authority::root("ours"), Authority::root("theirs"));
    let leaf = theirs.leaf(&leaf_params());
    assert_eq!(refusal(&[&leaf], &[&ours.certificate]), E::UnknownIssuer);
    // Sending one's authority along makes nobody believe it.
    assert_eq!(refusal(&[&leaf, &theirs.certificate], &[&ours.certificate]), E::UnknownIssuer);
}

/// SPIFFECA-12, MTLSB-11: whoever else is trusted for servers' names, here it is nobody.
#[test]
fn a_public_authority_with_a_forged_name_is_unknown() {
    let public = Authority::root("Public Web Authority R1");
    let intermediate = public.intermediate(authority_params("Public Web Authority E7"));
    let mut params = leaf_params();
    params.subject_alt_names.push(SanType::DnsName("planner.prod.example".try_into().unwrap()));
    let leaf = intermediate.leaf(&params);
    let ours = Authority::root("ours");
    assert_eq!(refusal(&[&leaf, &intermediate.certificate, &public.certificate], &[&ours.certificate]), E::UnknownIssuer);
}

/// X509-17.
#[test]
fn an_empty_bundle_believes_nobody() {
    let root = Authority::root("root");
    assert!(X509Authorities::default().is_empty());
    assert_eq!(refusal(&[&root.leaf(&leaf_params())], &[]), E::UnknownIssuer);
}

#[test]
fn a_self_signed_leaf_is_unknown_even_if_a_bundle_names_it() {
    let key = KeyPair::generate().unwrap();
    let leaf = leaf_params().self_signed(&key).unwrap().der().clone();
    assert_eq!(refusal(&[&leaf], &[&Authority::root("root").certificate]), E::UnknownIssuer);
    assert!(bundle(&[&leaf]).is_empty());
    assert_eq!(refusal(&[&leaf], &[&leaf]), E::UnknownIssuer);
}

#[test]
fn an_authority_is_its_name_and_its_key() {
    let root = Authority::root("root");
    let leaf = root.leaf(&leaf_params());
    let namesake = Authority::root("root");
    assert_eq!(refusal(&[&leaf], &[&namesake.certificate]), E::Signature);
    let renamed = root.with_same_key(authority_params("other"));
    assert_eq!(refusal(&[&leaf], &[&renamed.certificate]), E::UnknownIssuer);
    assert!(judge(&[&leaf], &[&namesake.certificate, &renamed.certificate, &root.certificate]).is_ok());
}

/// X509-07, X509-10, MTLS-02: a leaf, or a certificate that may sign only lists, vouches for no other.
#[test]
fn what_may_not_sign_certificates_is_refused_above_the_leaf() {
    let root = Authority::root("root");
    type Bend = fn(&mut CertificateParams);
    let cases: [(Bend, &str); 3] = [
        (|params| params.is_ca = IsCa::ExplicitNoCa, "`cA` is not set"),
        (|params| params.key_usages = vec![KeyUsagePurpose::CrlSign], "`keyCertSign` is not set"),
        (|params| params.key_usages = vec![], "`keyUsage` is absent"),
    ];
    for (bend, why) in cases {
        let mut params = authority_params("intermediate");
        bend(&mut params);
        let intermediate = root.intermediate(params);
        let leaf = intermediate.leaf(&leaf_params());
        assert_eq!(refusal(&[&leaf, &intermediate.certificate], &[&root.certificate]), E::Signer(why));
        // Neither is it ignored where the path does not need it.
        let direct = root.leaf(&leaf_params());
        assert_eq!(refusal(&[&direct, &intermediate.certificate], &[&root.certificate]), E::Signer(why));
    }
    let other_leaf = root.leaf(&leaf_params());
    assert_eq!(refusal(&[&root.leaf(&leaf_params()), &other_leaf], &[&root.certificate]), E::Signer("`cA` is not set"));
}

/// MTLS-02: every certificate on the path is valid, to the second and without leeway, and the identity ends with the first.
#[test]
fn the_whole_path_is_valid_at_the_instant() {
    let chain = |root: (i64, i64), middle: (i64, i64), leaf: (i64, i64)| {
        let bound = |mut params: CertificateParams, (from, until)| {
            valid(&mut params, from, until);
            params
        };
        let root = Authority::self_signed(bound(authority_params("root"), root));
        let intermediate = root.intermediate(bound(authority_params("intermediate"), middle));
        let leaf = intermediate.leaf(&bound(leaf_params(), leaf));
        (root.certificate, intermediate.certificate, leaf)
    };
    let wide = (-1000, 1000);
    let (early, late) = ((-1000, -500), (500, 1000));
    for (place, narrow) in [(0, early), (0, late), (1, early), (1, late), (2, early), (2, late)] {
        let mut bounds = [wide; 3];
        bounds[place] = narrow;
        let (root, intermediate, leaf) = chain(bounds[0], bounds[1], bounds[2]);
        let judge = |offset: i64| judge_at(&[&leaf, &intermediate], &[&root], at(NOW.strict_add_signed(offset)));
        match (place, judge(0).unwrap_err(), narrow == early) {
            // Not even a candidate.
            (0, E::UnknownIssuer, _) | (_, E::Expired { .. }, true) | (_, E::NotYetValid { .. }, false) => {}
            (place, error, _) => panic!("{place} {narrow:?}: {error}"),
        }
        assert!(judge(narrow.0).is_ok() && judge(narrow.1).is_ok());
        assert!(judge(narrow.0 - 1).is_err() && judge(narrow.1 + 1).is_err());
        let svid = judge(narrow.0).unwrap();
        assert_eq!(svid.expires(), at(NOW.strict_add_signed(narrow.1)));
        let when = |offset: i64| svid.verify_time(at(NOW.strict_add_signed(offset)));
        assert!(when(narrow.1).is_ok() && when(narrow.0).is_ok());
        assert!(matches!(when(narrow.1 + 1), Err(E::Expired { .. })));
        assert!(matches!(when(narrow.0 - 1), Err(E::NotYetValid { .. })));
    }
}

/// X509-07: `pathLenConstraint`, of authorities in the bundle too.
#[test]
fn a_path_longer_than_an_authority_allows_is_refused() {
    let limited = |name, limit| {
        let mut params = authority_params(name);
        params.is_ca = IsCa::Ca(BasicConstraints::Constrained(limit));
        params
    };
    for (root, upper, accepted) in [(1, 0, false), (0, 9, false), (1, 9, false), (2, 1, true), (9, 9, true)] {
        let root = Authority::self_signed(limited("root", root));
        let upper = root.intermediate(limited("upper", upper));
        let lower = upper.intermediate(authority_params("lower"));
        let leaf = lower.leaf(&leaf_params());
        let verdict = judge(&[&leaf, &lower.certificate, &upper.certificate], &[&root.certificate]);
        assert_eq!(verdict.err(), (!accepted).then_some(E::Path("longer than an authority on it allows")));
    }
}

#[test]
fn a_path_of_seven_intermediates_is_too_long() {
    let root = Authority::root("root");
    let mut chain = Vec::new();
    let mut last = root.intermediate(authority_params("intermediate 0"));
    for number in 1..7 {
        let next = last.intermediate(authority_params(&format!("intermediate {number}")));
        chain.insert(0, std::mem::replace(&mut last, next));
    }
    let leaf = last.leaf(&leaf_params());
    let mut presented = vec![&leaf, &last.certificate];
    presented.extend(chain.iter().map(|authority| &authority.certificate));
    assert_eq!(presented.len(), procura_token::MAX_CHAIN);
    assert_eq!(refusal(&presented, &[&root.certificate]), E::Path("too much work to verify"));
    let shorter = chain[0].leaf(&leaf_params());
    presented.splice(..2, [&shorter]);
    assert!(judge(&presented, &[&root.certificate]).is_ok());
}

/// A stranger who knows an authority's name could else make us try every order of the certificates that bear it.
#[test]
fn one_name_may_be_repeated_above_the_leaf_and_no_second() {
    let root = Authority::root("root");
    let upper = root.intermediate(authority_params("intermediate"));
    let lower = upper.intermediate(authority_params("intermediate"));
    let leaf = lower.leaf(&leaf_params());
    let (upper, lower, root) = (&upper.certificate, &lower.certificate, &root.certificate);
    assert!(judge(&[&leaf, lower, upper], &[root]).is_ok(), "nested servers may call themselves alike");
    let repeated = E::Path("more than one certificate above the leaf repeats the name of another");
    assert_eq!(refusal(&[&leaf, lower, upper, upper], &[root]), repeated);
    assert_eq!(refusal(&[&leaf, lower, upper, root, root], &[root]), repeated);
}

/// X509-08: constraints hold; those on URIs are not interpreted, so that nothing is believed under them.
#[test]
fn name_constraints_hold() {
    let dns = |name: &str| GeneralSubtree::DnsName(name.to_owned());
    let under = |permitted: Vec<GeneralSubtree>, excluded: Vec<GeneralSubtree>| {
        let mut params = authority_params("constrained");
        let constraints = NameConstraints { permitted_subtrees: permitted, excluded_subtrees: excluded };
        params.name_constraints = Some(constraints);
        params
    };
    let mut leaf = leaf_params();
    leaf.subject_alt_names.push(SanType::DnsName("planner.prod.example".try_into().unwrap()));
    for (params, accepted) in [
        (under(vec![dns("prod.example")], vec![]), true),
        (under(vec![dns("other.example")], vec![]), false),
        (under(vec![], vec![dns("prod.example")]), false),
        (under(vec![], vec![dns("other.example")]), true),
        (with_uri_constraint(0xa0, "prod.example"), false),
        (with_uri_constraint(0xa0, "other.example"), false),
        (with_uri_constraint(0xa1, "other.example"), false),
    ] {
        let root = Authority::root("root");
        let intermediate = root.intermediate(params.clone());
        let verdict = judge(&[&intermediate.leaf(&leaf), &intermediate.certificate], &[&root.certificate]);
        assert_eq!(verdict.err(), (!accepted).then_some(E::NameConstraints));
        let anchor = Authority::self_signed(params);
        let verdict = judge(&[&anchor.leaf(&leaf)], &[&anchor.certificate]);
        assert_eq!(verdict.err(), (!accepted).then_some(E::NameConstraints));
    }
}

/// `permittedSubtrees` (0xa0) or `excludedSubtrees` (0xa1) of one URI host.
fn with_uri_constraint(tag: u8, host: &str) -> CertificateParams {
    let wrap = |tag: u8, content: Vec<u8>| [vec![tag, content.len() as u8], content].concat();
    let content = wrap(0x30, wrap(tag, wrap(0x30, wrap(0x86, host.as_bytes().to_vec()))));
    let mut extension = CustomExtension::from_oid_content(&[2, 5, 29, 30], content);
    extension.set_criticality(true);
    let mut params = authority_params("constrained");
    params.custom_extensions = vec![extension];
    params
}

/// X509-05: what an authority calls itself changes nothing.
#[test]
fn an_authority_may_have_a_spiffe_id() {
    let mut params = authority_params("root");
    params.subject_alt_names = vec![uri("spiffe://prod.example")];
    let root = Authority::self_signed(params);
    assert!(judge(&[&root.leaf(&leaf_params())], &[&root.certificate]).is_ok());
}
