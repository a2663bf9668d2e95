use std::collections::BTreeMap;

use proptest::prelude::*;

use super::super::attribute::Attribute;
use super::*;

const PROFILE: Profile = Profile {
    attributes: &[Attribute::claim("a", &["a"]), Attribute::claim("b", &["b"]), Attribute::claim("c", &["c"])],
    ..Profile::JWT
};

fn template(text: &str) -> PathTemplate {
    PathTemplate::parse(text, &PROFILE).unwrap_or_else(|error| panic!("{text}: {error}"))
}

fn attributes(a: &str, b: &str) -> BTreeMap<&'static str, String> {
    BTreeMap::from([("a", a.to_owned()), ("b", b.to_owned())])
}

fn requirements(asked: &[(&str, &[&str])]) -> Requirements {
    let values = |values: &[&str]| values.iter().map(|value| (*value).to_owned()).collect();
    let asked = asked.iter().map(|(name, all)| ((*name).to_owned(), values(all))).collect();
    Requirements::new(&asked, &PROFILE).unwrap()
}

#[test]
fn an_attribute_fills_one_segment() {
    for (a, segment) in [
        ("123", "123"),
        ("octo-org", "octo-org"),
        ("refs/heads/main", "refs_2fheads_2fmain"),
        ("a_b", "a_5fb"),
        ("v1.2", "v1.2"),
        (".", "_2e"),
        ("..", "_2e_2e"),
        ("...", "..."),
        ("é %", "_c3_a9_20_25"),
    ] {
        assert_eq!(template("/ci/{a}").fill(&attributes(a, "")).unwrap(), format!("/ci/{segment}"));
    }
}

#[test]
fn what_is_missing_or_empty_fills_nothing() {
    assert!(template("/{c}").fill(&attributes("x", "y")).is_err());
    assert!(template("/{a}").fill(&attributes("", "y")).is_err());
}

#[test]
fn a_template_that_is_no_path_is_refused() {
    for text in ["", "/", "ci/{a}", "/ci/", "//{a}", "/./{a}", "/../x", "/{d}", "/x{a}", "/{a}{b}", "/{a}/é", "/a b", "/{}"] {
        assert!(PathTemplate::parse(text, &PROFILE).is_err(), "{text}");
    }
}

#[test]
fn templates_meet_if_some_attributes_give_one_path() {
    let none: &[(&str, &[&str])] = &[];
    for (one, wants, other, others, meet) in [
        ("/x/{a}", none, "/y/{a}", none, false),
        ("/x/{a}", none, "/x/{b}", none, true),
        ("/x/{a}", none, "/x/{a}/z", none, false),
        ("/x/{a}", none, "/x/prod", none, true),
        ("/{a}/{b}", none, "/x/prod", none, true),
        ("/x/{a}", &[("a", &["1", "2"])], "/x/{a}", &[("a", &["3"])], false),
        ("/x/{a}", &[("a", &["1", "2"])], "/x/{b}", &[("b", &["2"])], true),
        ("/x/{a}", &[("a", &["1", "2"])], "/x/3", none, false),
        ("/x/{a}", &[("a", &["a/b"])], "/x/a_2fb", none, true),
        ("/x/{a}", &[("b", &["1"])], "/x/{a}", &[("b", &["2"])], true),
    ] {
        let (one, other) = (template(one), template(other));
        let (wants, others) = (requirements(wants), requirements(others));
        assert_eq!(one.may_meet(&wants, &other, &others), meet, "{one:?} {other:?}");
        assert_eq!(other.may_meet(&others, &one, &wants), meet, "{other:?} {one:?}");
    }
}

proptest! {
    /// W9, F13: two principals never have one path, whatever they are called.
    #[test]
    fn different_attributes_never_give_one_path(
        one in ("\\PC{1,12}", "\\PC{1,12}"), other in ("\\PC{1,12}", "\\PC{1,12}"), alike: bool,
    ) {
        let other = if alike { (one.0.clone(), other.1) } else { other };
        let path = |(a, b): &(String, String)| template("/x/{a}/{b}").fill(&attributes(a, b)).unwrap();
        prop_assert_eq!(path(&one) == path(&other), one == other);
    }

    /// The bytes that the encoding itself uses, and dots.
    #[test]
    fn not_even_texts_that_look_encoded_meet(one in "[_.0-9a-f/]{1,6}", other in "[_.0-9a-f/]{1,6}") {
        let path = |a: &str| template("/{a}").fill(&attributes(a, "")).unwrap();
        prop_assert_eq!(path(&one) == path(&other), one == other);
    }

    #[test]
    fn every_path_is_one_of_an_identifier(a in "\\PC{1,30}", b in "\\PC{1,30}") {
        let path = template("/x/{a}/{b}").fill(&attributes(&a, &b)).unwrap();
        prop_assert!(format!("spiffe://prod.example{path}").parse::<procura_token::WorkloadId>().is_ok(), "{}", path);
    }

    /// What unification says is right of whatever two paths are made.
    #[test]
    fn templates_that_do_not_meet_give_no_common_path(
        one in "(/(x|y|\\{a\\}|\\{b\\})){1,3}", other in "(/(x|y|\\{a\\}|\\{b\\})){1,3}", texts in ("[xy]{1,2}", "[xy]{1,2}", "[xy]{1,2}", "[xy]{1,2}"),
    ) {
        let (one, other) = (template(&one), template(&other));
        let none = Requirements::default();
        let paths = (one.fill(&attributes(&texts.0, &texts.1)).unwrap(), other.fill(&attributes(&texts.2, &texts.3)).unwrap());
        prop_assert!(one.may_meet(&none, &other, &none) || paths.0 != paths.1);
    }
}
