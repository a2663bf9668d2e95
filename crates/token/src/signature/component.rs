//! Components: what of a message a signature covers (RFC 9421 section 2).

use core::fmt;
use std::borrow::Cow;

use super::Message;
use super::dictionary::Item;
use super::digest::CONTENT_DIGEST;
use crate::field::{TXN_TOKEN, WORKLOAD_IDENTITY_TOKEN, trim};
use crate::{ParseError, VerifyError};

const CONTENT_TYPE: &str = "content-type";
const AUTHORIZATION: &str = "authorization";

/// A component identifier: `@method`, `@request-target`, `@status` or a field name in lower case; with `;req` when a
/// response's signature means its request. No other derived component and no other parameter is known here.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Component {
    pub(super) name: String,
    pub(super) of_request: bool,
}

impl Component {
    /// Parses one item of a list of covered components.
    pub(super) fn parse(item: &Item<'_>) -> Result<Self, ParseError> {
        let err = |reason| ParseError::value("signature component", reason);
        let name = item.value.as_string().ok_or(err("not a string"))?.as_str();
        let known = match name.strip_prefix('@') {
            Some(derived) => matches!(derived, "method" | "request-target" | "status"),
            None => http::HeaderName::from_lowercase(name.as_bytes()).is_ok(),
        };
        if !known {
            return Err(err("neither a known derived component nor a field name in lower case"));
        }
        let of_request = match item.parameters.as_slice() {
            [] => false,
            [(key, value)] if key.as_str() == "req" && value.as_boolean() == Some(true) => true,
            _ => return Err(err("a parameter other than `req`")),
        };
        Ok(Self { name: name.to_owned(), of_request })
    }

    /// Its value in `message`: one line (RFC 9421 sections 2.1 and 2.2).
    pub(super) fn value<'a>(&self, message: &Message<'a>) -> Result<Cow<'a, str>, VerifyError> {
        let headers = match message {
            // A request has no request of its own.
            Message::Request(_) if self.of_request => return Err(VerifyError::NoSuchComponent),
            Message::Response(_, request) if self.of_request => request.headers,
            message => message.headers(),
        };
        let request = match message {
            Message::Response(..) if !self.of_request => None,
            message => Some(message.request()),
        };
        match (self.name.as_str(), request, message) {
            ("@method", Some(request), _) => one_line(request.method),
            ("@request-target", Some(request), _) => one_line(request.target),
            ("@status", None, Message::Response(head, _)) if (100..=999).contains(&head.status) => {
                Ok(head.status.to_string().into())
            }
            (derived, ..) if derived.starts_with('@') => Err(VerifyError::NoSuchComponent),
            (name, ..) => field(headers, name),
        }
    }
}

/// The serialized identifier. Names are made of field name characters and `@`: nothing needs escaping.
impl fmt::Display for Component {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "\"{}\"{}", self.name, if self.of_request { ";req" } else { "" })
    }
}

/// A method or a target: visible ASCII, so that it cannot begin another line of the signature base.
fn one_line(text: &str) -> Result<Cow<'_, str>, VerifyError> {
    if text.is_empty() || !text.bytes().all(|byte| byte.is_ascii_graphic()) {
        return Err(ParseError::value("request line", "not visible ASCII").into());
    }
    Ok(text.into())
}

/// The field's values without white space around them, joined by a comma and a space (RFC 9421 section 2.1). The one that
/// says who is speaking may not occur twice.
fn field<'a>(headers: &'a http::HeaderMap, name: &str) -> Result<Cow<'a, str>, VerifyError> {
    let mut joined: Option<Cow<'a, str>> = None;
    for value in headers.get_all(name) {
        let value = trim(value.to_str().map_err(|_| ParseError::value("signed header field", "not printable ASCII"))?);
        joined = Some(match joined {
            None => value.into(),
            Some(_) if name == WORKLOAD_IDENTITY_TOKEN => {
                return Err(ParseError::value("`Workload-Identity-Token`", "occurs more than once").into());
            }
            Some(before) => format!("{before}, {value}").into(),
        });
    }
    joined.ok_or(VerifyError::NoSuchComponent)
}

/// A component that the profile wants covered.
#[derive(Clone, Copy)]
pub(super) struct Demanded {
    pub(super) name: &'static str,
    of_request: bool,
}

impl PartialEq<Demanded> for Component {
    fn eq(&self, demanded: &Demanded) -> bool {
        self.name == demanded.name && self.of_request == demanded.of_request
    }
}

impl From<Demanded> for Component {
    fn from(demanded: Demanded) -> Self {
        Self { name: demanded.name.to_owned(), of_request: demanded.of_request }
    }
}

/// What the profile wants covered of `message` (WIMSE HTTP signature section 3), and what we cover when we sign.
pub(super) fn demanded(message: &Message<'_>) -> impl Iterator<Item = Demanded> {
    let (always, if_present): (&[_], &[_]) = match message {
        Message::Request(_) => (
            &[("@method", false), ("@request-target", false), (WORKLOAD_IDENTITY_TOKEN, false)],
            &[CONTENT_TYPE, CONTENT_DIGEST, AUTHORIZATION, TXN_TOKEN],
        ),
        Message::Response(..) => (
            &[("@status", false), ("@method", true), ("@request-target", true), (WORKLOAD_IDENTITY_TOKEN, false)],
            &[CONTENT_TYPE, CONTENT_DIGEST],
        ),
    };
    let headers = message.headers();
    let present = if_present.iter().filter(|name| headers.contains_key(**name)).map(|name| (*name, false));
    always.iter().copied().chain(present).map(|(name, of_request)| Demanded { name, of_request })
}
