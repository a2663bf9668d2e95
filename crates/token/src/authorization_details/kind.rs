//! The types that are known, and what their objects must be within.

use std::collections::{BTreeMap, BTreeSet};

use super::{AuthorizationDetail, AuthorizationDetails, FieldRule};
use crate::ParseError;

/// The most bytes of the name of a type, as in a token.
const MAX_NAME: usize = 256;

/// A type: its fields, and how each may be narrowed. Of RFC 9396's common fields it has those it names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DetailType {
    name: String,
    fields: BTreeMap<String, FieldRule>,
    required: BTreeSet<String>,
}

/// All types that are known; nothing is within anything by a type that is not.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct DetailTypes(BTreeMap<String, DetailType>);

/// Why authorization details cannot be had.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum DetailError {
    /// Nobody knows the type.
    #[error("the type is unknown")]
    UnknownType,
    /// The type has no such field.
    #[error("a field that its type does not have")]
    UnknownField,
    /// The value of a field is not of the JSON type, or not of the syntax, that the field has.
    #[error("a field is not of its type")]
    Value,
    /// A field is missing that the type requires.
    #[error("a required field is missing")]
    Missing,
    /// It permits what the object, or the list, it comes from does not.
    #[error("wider than what it is made from")]
    Wider,
}

impl DetailType {
    /// The type called `name`.
    ///
    /// # Errors
    /// [`ParseError::Value`]: the name is none, a common field has a rule that is not its own, or what is required is no field.
    pub fn new(
        name: String,
        fields: BTreeMap<String, FieldRule>,
        required: impl IntoIterator<Item = String>,
    ) -> Result<Self, ParseError> {
        let required: BTreeSet<String> = required.into_iter().collect();
        let err = |reason| Err(ParseError::value("type of authorization details", reason));
        if name.is_empty() || name.len() > MAX_NAME || name.chars().any(char::is_control) {
            return err("its name has not 1 to 256 bytes without control characters");
        }
        if fields.contains_key("type") || fields.keys().any(|path| path.split('.').any(str::is_empty)) {
            return err("a field has no name, or the name `type`");
        }
        let lies_within = |path: &String| {
            path.match_indices('.').any(|(dot, _)| path.get(..dot).is_some_and(|outer| fields.contains_key(outer)))
        };
        if fields.keys().any(lies_within) {
            return err("a field is within another that is no object");
        }
        if !fields.iter().all(|(field, rule)| rule.suits(field)) {
            return err("`locations`, `actions`, `datatypes` and `privileges` are `subset`, `identifier` is `equal`");
        }
        if !required.iter().all(|field| fields.contains_key(field)) {
            return err("what is required is not among its fields");
        }
        Ok(Self { name, fields, required })
    }

    /// Its name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Judges an object of this type by itself (RFC 9396 section 5).
    fn judge(&self, detail: &AuthorizationDetail) -> Result<(), DetailError> {
        for (name, value) in detail.fields() {
            if !self.fields.get(name).ok_or(DetailError::UnknownField)?.accepts(value) {
                return Err(DetailError::Value);
            }
        }
        let is_there = |name: &String| detail.get(name).is_some();
        if self.required.iter().all(is_there) { Ok(()) } else { Err(DetailError::Missing) }
    }

    /// Whether every limit of `parent` is one of `child` too, or a narrower one.
    fn narrows(&self, child: &AuthorizationDetail, parent: &AuthorizationDetail) -> bool {
        parent.fields().all(|(name, limit)| match (child.get(name), self.fields.get(name)) {
            (Some(value), Some(rule)) => rule.is_within(value, limit),
            _ => false,
        })
    }

    /// Whether two objects permit more than one of them twice does: an amount adds up.
    fn adds_up(&self) -> bool {
        self.fields.values().any(|rule| *rule == FieldRule::AtMost)
    }
}

impl DetailTypes {
    /// These types.
    ///
    /// # Errors
    /// The name that two have.
    pub fn new(types: impl IntoIterator<Item = DetailType>) -> Result<Self, String> {
        let mut all = BTreeMap::new();
        for kind in types {
            if let Some(twice) = all.insert(kind.name.clone(), kind) {
                return Err(twice.name);
            }
        }
        Ok(Self(all))
    }

    /// Their names, in order.
    pub fn names(&self) -> impl ExactSizeIterator<Item = &str> {
        self.0.keys().map(String::as_str)
    }

    /// The fields of `detail` that its type compares as numbers, and those numbers.
    pub fn amounts<'a>(&'a self, detail: &'a AuthorizationDetail) -> impl Iterator<Item = (&'a str, String)> {
        let rules = self.0.get(detail.kind()).map(|kind| &kind.fields);
        let is_amount = move |name: &str| rules.and_then(|rules| rules.get(name)) == Some(&FieldRule::AtMost);
        detail.fields().filter(move |(name, _)| is_amount(name)).map(|(name, value)| (name, value.to_string()))
    }

    /// Judges each object by its type: that the type is known, has the fields, and that those required are there (RFC 9396
    /// section 5).
    ///
    /// # Errors
    /// [`DetailError`], all but [`DetailError::Wider`].
    pub fn judge(&self, details: &AuthorizationDetails) -> Result<(), DetailError> {
        details.iter().try_for_each(|detail| self.0.get(detail.kind()).ok_or(DetailError::UnknownType)?.judge(detail))
    }

    /// Judges that `child` permits nothing that `parent` does not: each of its objects is within one of the parent's, of the same
    /// type. What the parent's object limits, the child's limits too, by the rule of the field. Of a type with a field of
    /// [`FieldRule::AtMost`] no two objects are within one: an amount that is there once is not there twice.
    ///
    /// # Errors
    /// [`DetailError::Wider`].
    pub fn verify_within(&self, child: &AuthorizationDetails, parent: &AuthorizationDetails) -> Result<(), DetailError> {
        let mut kinds: Vec<&str> = child.iter().map(AuthorizationDetail::kind).collect();
        kinds.sort_unstable();
        kinds.dedup();
        let is_within = |kind: &&str| {
            let of_kind = |details: &'_ AuthorizationDetails| -> Vec<AuthorizationDetail> {
                details.iter().filter(|detail| detail.kind() == *kind).cloned().collect()
            };
            self.0.get(*kind).is_some_and(|rules| are_within(rules, &of_kind(child), &of_kind(parent)))
        };
        if kinds.iter().all(is_within) { Ok(()) } else { Err(DetailError::Wider) }
    }
}

fn are_within(rules: &DetailType, children: &[AuthorizationDetail], parents: &[AuthorizationDetail]) -> bool {
    let fits = |child: &AuthorizationDetail| -> Vec<usize> {
        (0..).zip(parents).filter(|(_, parent)| rules.narrows(child, parent)).map(|(index, _)| index).collect()
    };
    let fits: Vec<Vec<usize>> = children.iter().map(fits).collect();
    if !rules.adds_up() {
        return fits.iter().all(|fits| !fits.is_empty());
    }
    let mut taken = vec![None; parents.len()];
    (0..children.len()).all(|child| place(child, &fits, &mut taken, &mut vec![false; parents.len()]))
}

/// Gives `child` a parent of its own, moving others to another that fits them if need be.
fn place(child: usize, fits: &[Vec<usize>], taken: &mut [Option<usize>], tried: &mut [bool]) -> bool {
    for &parent in fits.get(child).into_iter().flatten() {
        if tried.get_mut(parent).is_none_or(|tried| std::mem::replace(tried, true)) {
            continue;
        }
        let holder = taken.get(parent).copied().flatten();
        if holder.is_none_or(|holder| place(holder, fits, taken, tried))
            && let Some(slot) = taken.get_mut(parent)
        {
            *slot = Some(child);
            return true;
        }
    }
    false
}
