//! What a platform says of a workload: names and texts.

use std::collections::BTreeMap;
use std::sync::Arc;

use procura_token::PlatformClaims;
use serde_json::Value;

use super::PlatformError;

/// The most bytes of one attribute's text.
const MAX_TEXT: usize = 1024;

/// The attributes of one workload: those of its profile that its credential has. Cheap to clone.
pub type Attributes = Arc<BTreeMap<&'static str, String>>;

/// An attribute that the credentials of a platform have.
#[derive(Clone, Copy, Debug)]
pub(super) struct Attribute {
    /// What rules, templates, policies and audit events call it: lower-case letters, digits and `_`. Where the meaning is
    /// that of one of the policy schema's `platform` record, it has that name.
    pub(super) name: &'static str,
    source: Source,
    required: bool,
}

#[derive(Clone, Copy, Debug)]
enum Source {
    /// The members that lead to the claim.
    Claim(&'static [&'static str]),
    /// Made of attributes that stand before it in the profile.
    Derived(fn(&BTreeMap<&'static str, String>) -> Option<String>),
}

impl Attribute {
    /// The claim of the same name. A credential may be without it.
    pub(super) const fn claim(name: &'static str, path: &'static [&'static str]) -> Self {
        Self { name, source: Source::Claim(path), required: false }
    }

    /// Made of attributes that stand before it in the profile.
    pub(super) const fn derived(name: &'static str, make: fn(&BTreeMap<&'static str, String>) -> Option<String>) -> Self {
        Self { name, source: Source::Derived(make), required: false }
    }

    /// Every credential of the platform has it: one without it is refused.
    #[must_use]
    pub(super) const fn required(self) -> Self {
        Self { required: true, ..self }
    }
}

/// Reads the attributes in `profile` from the claims of a credential. Claims that no attribute names are left out.
///
/// # Errors
/// [`PlatformError::Attribute`] for one that is missing though required, or that is no text.
pub(super) fn read(profile: &[Attribute], claims: &PlatformClaims) -> Result<Attributes, PlatformError> {
    let mut attributes = BTreeMap::new();
    for attribute in profile {
        let wrong = |what| PlatformError::Attribute { name: attribute.name, what };
        let text = match attribute.source {
            Source::Claim(path) => find(claims, path).map_or(Ok(None), text).map_err(wrong)?,
            Source::Derived(make) => make(&attributes),
        };
        match text {
            Some(text) => _ = attributes.insert(attribute.name, text),
            None if attribute.required => return Err(wrong("is missing")),
            None => {}
        }
    }
    Ok(Arc::new(attributes))
}

fn find<'a>(claims: &'a PlatformClaims, path: &[&str]) -> Option<&'a Value> {
    let (first, rest) = path.split_first()?;
    rest.iter().try_fold(claims.get(first)?, |value, name| value.get(name))
}

/// Platforms write numbers and truth values as texts or as what they are: both mean the same. Empty means that there is none.
fn text(value: &Value) -> Result<Option<String>, &'static str> {
    let text = match value {
        Value::Null => return Ok(None),
        Value::Bool(value) => value.to_string(),
        Value::Number(number) if number.is_u64() || number.is_i64() => number.to_string(),
        Value::String(text) => text.clone(),
        Value::Number(_) | Value::Array(_) | Value::Object(_) => return Err("is not a text"),
    };
    match text.as_str() {
        "" => Ok(None),
        text if text.len() > MAX_TEXT => Err("is longer than 1024 bytes"),
        text if text.chars().any(char::is_control) => Err("has control characters"),
        _ => Ok(Some(text)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    const PROFILE: &[Attribute] = &[
        Attribute::claim("id", &["id"]).required(),
        Attribute::claim("pod", &["kubernetes.io", "pod", "name"]),
        Attribute::derived("twice", |known| known.get("pod").map(|pod| format!("{pod}{pod}"))),
    ];

    fn attributes(claims: Value) -> Result<Vec<(&'static str, String)>, PlatformError> {
        let read = read(PROFILE, &claims.as_object().unwrap().clone().into_iter().collect())?;
        Ok(read.iter().map(|(name, text)| (*name, text.clone())).collect())
    }

    #[test]
    fn texts_numbers_and_truth_values_are_texts() {
        for (value, text) in
            [(json!("7"), "7"), (json!(7), "7"), (json!(u64::MAX), "18446744073709551615"), (json!(true), "true")]
        {
            assert_eq!(attributes(json!({ "id": value })), Ok(vec![("id", text.to_owned())]));
        }
    }

    #[test]
    fn attributes_are_found_within_objects_and_made_of_others() {
        let claims = json!({ "id": "1", "kubernetes.io": { "pod": { "name": "p" } }, "pod": "another" });
        let expected = vec![("id", "1".to_owned()), ("pod", "p".to_owned()), ("twice", "pp".to_owned())];
        assert_eq!(attributes(claims), Ok(expected));
        assert_eq!(attributes(json!({ "id": "1", "kubernetes.io": "flat" })).unwrap().len(), 1);
    }

    #[test]
    fn what_is_missing_though_required_or_no_text_is_refused() {
        for claims in [json!({}), json!({ "id": null }), json!({ "id": "" })] {
            assert_eq!(attributes(claims), Err(PlatformError::Attribute { name: "id", what: "is missing" }));
        }
        for value in [json!([1]), json!({}), json!(1.5), json!("a\nb"), json!("a".repeat(1025))] {
            assert!(matches!(attributes(json!({ "id": value })), Err(PlatformError::Attribute { name: "id", .. })), "{value}");
        }
    }
}
