//! No list of authorization details makes the reader panic; one that is read says the same when it is written again, and what a
//! list is within permits all that it permits.
//!
//! The input is two lists, a line feed between them.
#![no_main]

use std::sync::LazyLock;

use libfuzzer_sys::fuzz_target;
use procura_token::{AuthorizationDetails, DetailType, DetailTypes, FieldRule, MAX_DETAILS};

static TYPES: LazyLock<DetailTypes> = LazyLock::new(|| {
    let fields = [
        ("actions", FieldRule::Subset),
        ("identifier", FieldRule::Equal),
        ("limit.amount", FieldRule::AtMost),
        ("limit.currency", FieldRule::Equal),
    ];
    let named = |count| fields.iter().take(count).map(|(name, rule)| ((*name).to_owned(), *rule)).collect();
    let (all, few) = (DetailType::new("a".to_owned(), named(4), []), DetailType::new("b".to_owned(), named(2), []));
    DetailTypes::new([all.expect("a type"), few.expect("a type")]).expect("two names")
});

fuzz_target!(|text: &str| {
    let mut lists = text.splitn(2, '\n').map(AuthorizationDetails::parse);
    let (Some(Ok(one)), other) = (lists.next(), lists.next().and_then(Result::ok)) else { return };
    assert!((1..=MAX_DETAILS).contains(&one.iter().len()));
    assert_eq!(AuthorizationDetails::parse(&one.to_string()).as_ref(), Ok(&one));
    if TYPES.judge(&one).is_ok() {
        assert_eq!(TYPES.verify_within(&one, &one), Ok(()));
    }
    let Some(other) = other else { return };
    if TYPES.verify_within(&one, &other).is_ok() {
        for detail in one.iter() {
            let limits = |limit: &procura_token::AuthorizationDetail| {
                limit.kind() == detail.kind() && limit.fields().all(|(name, _)| detail.get(name).is_some())
            };
            assert!(other.iter().any(limits));
        }
    }
});
