//! A name has one spelling: what parses is its own text, or, of a URI that is normalised, becomes stable in one step.
#![no_main]

use core::fmt::{Debug, Display};
use core::str::FromStr;

use libfuzzer_sys::fuzz_target;
use procura_token::{Htu, Issuer, MAX_WORKLOAD_ID, Resource, Scope, ScopeSet, Subject, TokenId, TrustDomain, WorkloadId};

fn keeps_its_text<T: FromStr + Display + PartialEq + Debug>(text: &str) -> Option<T> {
    let value: T = text.parse().ok()?;
    assert_eq!(value.to_string(), text);
    Some(value)
}

fn is_stable<T: FromStr<Err: Debug> + Display + PartialEq + Debug>(text: &str) {
    if let Ok(value) = text.parse::<T>() {
        let normal = value.to_string();
        let again: T = normal.parse().expect("a normal form parses");
        assert_eq!(again.to_string(), normal);
        assert_eq!(again, value);
    }
}

fuzz_target!(|text: &str| {
    if let Some(id) = keeps_its_text::<WorkloadId>(text) {
        assert!(text.len() <= MAX_WORKLOAD_ID && id.path().len() > 1 && !id.path().contains(['%', '?', '#', '@', ':']));
        assert_eq!(format!("{}{}", id.origin(), id.path()), text);
        assert_eq!(id.origin().rsplit('/').next(), Some(id.trust_domain()));
        assert!(id.trust_domain().parse::<TrustDomain>().is_ok());
        assert!(!id.path().split('/').skip(1).any(|segment| matches!(segment, "" | "." | "..")));
        assert!(text.parse::<Resource>().is_ok());
    }
    keeps_its_text::<TrustDomain>(text);
    keeps_its_text::<Resource>(text);
    keeps_its_text::<Subject>(text);
    keeps_its_text::<TokenId>(text);
    keeps_its_text::<Scope>(text);
    if let Some(issuer) = keeps_its_text::<Issuer>(text) {
        assert!(issuer.is_protected() || text.starts_with("http://"));
        assert!(text.parse::<Resource>().is_ok());
    }
    is_stable::<ScopeSet>(text);
    is_stable::<Htu>(text);
});
