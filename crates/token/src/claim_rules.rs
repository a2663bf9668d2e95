//! Rules about claims that an issuer's configuration names.

use serde_json::{Map, Value};

use crate::consent::Consent;
use crate::user_claims::{UserClaims, bounded};
use crate::{ParseError, ScopeSet, Unverified, VerifyError};

/// The claims of a token, by name.
pub(crate) type Claims = Map<String, Value>;

/// A claim at the top level that must be there, with one of some values.
///
/// A list in the token holds the value if one of its entries does. Text, numbers and truth values differ: `"true"` is not
/// `true`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RequiredClaim {
    /// Its name, byte for byte; a dot in it has no meaning.
    pub name: String,
    /// The values, any of which will do. None: that it is there is enough, unless it is `null`.
    pub values: Vec<ClaimValue>,
}

/// A value that can be required.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ClaimValue {
    /// Text, compared byte for byte.
    Text(String),
    /// `true` or `false`.
    Flag(bool),
    /// An integer.
    Number(i64),
}

impl RequiredClaim {
    /// Whether `claims` hold every one of `all`; if there is none, they do not.
    pub(crate) fn mark(all: &[Self], claims: &Claims) -> bool {
        !all.is_empty() && all.iter().all(|required| required.holds(claims))
    }

    fn holds(&self, claims: &Claims) -> bool {
        let has = |found: &Value| self.values.iter().any(|value| value.is(found));
        match claims.get(&self.name) {
            None | Some(Value::Null) => false,
            Some(_) if self.values.is_empty() => true,
            Some(Value::Array(entries)) => entries.iter().any(has),
            Some(found) => has(found),
        }
    }
}

impl ClaimValue {
    fn is(&self, found: &Value) -> bool {
        match self {
            Self::Text(text) => found.as_str() == Some(text),
            Self::Flag(flag) => found.as_bool() == Some(*flag),
            Self::Number(number) => found.as_i64() == Some(*number),
        }
    }
}

/// What an issuer's tokens must say besides what their kind demands, and what it calls things.
#[derive(Clone, Copy, Debug)]
pub struct ClaimRules<'a> {
    /// What must be there.
    pub required: &'a [RequiredClaim],
    /// Which claim names the user's groups: `groups`, or another whose value is a list of names.
    pub groups: &'a str,
    /// Which claim of an access token says for which application it was made, where that is neither `client_id` nor `azp`.
    pub client: Option<&'a str>,
    /// Which claim of an access token is its scope: `scope`, or another whose value is one string or a list.
    pub scope: &'a str,
    /// Which claim lists whom the user agreed to let act ([`Consent`]), if there is such a claim.
    pub consent: Option<&'a str>,
}

impl Default for ClaimRules<'_> {
    fn default() -> Self {
        Self { required: &[], groups: "groups", client: None, scope: "scope", consent: None }
    }
}

impl ClaimRules<'_> {
    /// Whether more is to be looked at than what every token is judged by.
    pub(crate) fn are_plain(&self) -> bool {
        let renames = self.groups != "groups" || self.scope != "scope" || self.client.is_some() || self.consent.is_some();
        self.required.is_empty() && !renames
    }

    /// Judges `claims` and puts into `user` what they say under another name. Plain rules need no claims.
    pub(crate) fn apply(&self, user: &mut UserClaims, claims: &Claims) -> Result<(), VerifyError> {
        if let Some(broken) = self.required.iter().find(|required| !required.holds(claims)) {
            return Err(VerifyError::Claim(broken.name.clone()));
        }
        if self.groups != "groups" {
            user.groups = claims.get(self.groups).map_or(Ok(Some(Vec::new())), groups)?;
        }
        if self.scope != "scope" {
            user.scope = claims.get(self.scope).map(scope).transpose()?;
        }
        if let Some(claim) = self.consent.and_then(|name| claims.get(name)) {
            user.consents = Consent::read(claim)?;
        }
        if user.groups.is_none() {
            return Err(ParseError::value("the claim of groups", "not a list of names").into());
        }
        Ok(())
    }
}

fn groups(value: &Value) -> Result<Option<Vec<String>>, ParseError> {
    texts(value).map(bounded).transpose()
}

fn scope(value: &Value) -> Result<ScopeSet, ParseError> {
    let odd = ParseError::value("the claim of scope", "neither text nor a list of texts");
    match value {
        Value::String(text) => text.parse(),
        other => texts(other).ok_or(odd)?.join(" ").parse(),
    }
}

fn texts(value: &Value) -> Option<Vec<String>> {
    value.as_array()?.iter().map(|entry| entry.as_str().map(str::to_owned)).collect()
}

impl<T> Unverified<T> {
    /// All claims, as they were signed, if `needed`: who has no rules about them does not pay for them.
    pub(crate) fn claims_if(&self, needed: bool) -> Result<Claims, ParseError> {
        if needed { crate::json::parse(&self.payload()?) } else { Ok(Claims::new()) }
    }
}
