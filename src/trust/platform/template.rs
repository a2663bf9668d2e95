//! From attributes to a path: every set of attributes has a path of its own.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use super::profile::Profile;
use super::require::Requirements;

/// A path with attributes in it, such as `/github/{repository_owner_id}/{repository_id}`. A name in braces fills exactly one
/// whole segment.
///
/// Of an attribute, bytes outside `[A-Za-z0-9.-]` are written `_xx` in lower-case hexadecimal, and so is every byte of a
/// text that is `.` or `..`. What was written can be read back, so two texts never give one segment, nor two sets of
/// attributes one path.
#[derive(Clone, Debug)]
pub(super) struct PathTemplate(Vec<Segment>);

#[derive(Clone, Debug)]
enum Segment {
    Literal(String),
    Attribute(&'static str),
}

impl PathTemplate {
    /// # Errors
    /// What is wrong with the text.
    pub(super) fn parse(text: &str, profile: &Profile) -> Result<Self, String> {
        let path = text.strip_prefix('/').ok_or_else(|| format!("is `{text}`, which does not begin with `/`"))?;
        path.split('/').map(|segment| Segment::parse(segment, profile)).collect::<Result<_, _>>().map(Self)
    }

    /// Whether the attribute is in it.
    pub(super) fn names(&self, attribute: &str) -> bool {
        self.0.iter().any(|segment| matches!(segment, Segment::Attribute(name) if *name == attribute))
    }

    /// The path of what has these attributes.
    ///
    /// # Errors
    /// Which attribute is missing.
    pub(super) fn fill(&self, attributes: &BTreeMap<&'static str, String>) -> Result<String, String> {
        let mut path = String::new();
        for segment in &self.0 {
            path.push('/');
            match segment {
                Segment::Literal(text) => path.push_str(text),
                Segment::Attribute(name) => match attributes.get(name) {
                    Some(text) if !text.is_empty() => encode(text, &mut path),
                    _ => return Err(format!("`path` needs `{name}`, which the credential does not have")),
                },
            }
        }
        Ok(path)
    }

    /// Whether some attributes that fit `requirements` have `path`.
    pub(super) fn may_give(&self, requirements: &Requirements, path: &str) -> bool {
        let segments: Vec<&str> = path.split('/').skip(1).collect();
        let may_be = |(one, text): (&Segment, &&str)| one.texts(requirements).is_none_or(|texts| texts.contains(*text));
        self.0.len() == segments.len() && self.0.iter().zip(&segments).all(may_be)
    }

    /// Whether some attributes that fit `requirements` have the same path here as some others, which fit `others`, have in
    /// `other`.
    pub(super) fn may_meet(&self, requirements: &Requirements, other: &Self, others: &Requirements) -> bool {
        let may_meet = |(one, other): (&Segment, &Segment)| match (one.texts(requirements), other.texts(others)) {
            (Some(one), Some(other)) => !one.is_disjoint(&other),
            _ => true,
        };
        self.0.len() == other.0.len() && self.0.iter().zip(&other.0).all(may_meet)
    }
}

impl Segment {
    fn parse(text: &str, profile: &Profile) -> Result<Self, String> {
        if let Some(name) = text.strip_prefix('{').and_then(|rest| rest.strip_suffix('}')) {
            let known = profile.attribute(name).ok_or_else(|| format!("names `{name}`, which is no attribute of this kind"))?;
            return Ok(Self::Attribute(known));
        }
        let fits = |byte: u8| byte.is_ascii_alphanumeric() || b"-._".contains(&byte);
        match text {
            "" | "." | ".." => Err("has an empty segment, or one that is `.` or `..`".to_owned()),
            _ if text.bytes().all(fits) => Ok(Self::Literal(text.to_owned())),
            _ => Err(format!("has the segment `{text}`: one is a name in braces, or of letters, digits, `-`, `.` and `_`")),
        }
    }

    /// All that can stand here; `None` if that is everything.
    fn texts(&self, requirements: &Requirements) -> Option<BTreeSet<String>> {
        match self {
            Self::Literal(text) => Some(BTreeSet::from([text.clone()])),
            Self::Attribute(name) => requirements.values(name).map(|values| {
                let encoded = values.iter().map(|value| {
                    let mut segment = String::new();
                    encode(value, &mut segment);
                    segment
                });
                encoded.collect()
            }),
        }
    }
}

fn encode(text: &str, path: &mut String) {
    let is_dots = text == "." || text == "..";
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || byte == b'-' || (byte == b'.' && !is_dots) {
            path.push(char::from(byte));
        } else {
            // Writing to a string does not fail.
            let _ = write!(path, "_{byte:02x}");
        }
    }
}

#[cfg(test)]
mod tests;
