//! HTTP message signatures (RFC 9421) under the WIMSE profile (draft-ietf-wimse-http-signature-06): possession of a WIT's
//! key, shown for one request or one response.

mod base;
mod component;
mod dictionary;
mod digest;
mod input;
#[cfg(feature = "sign")]
mod new;
mod verify;

use http::HeaderMap;

pub use digest::{content_digest, verify_content_digest};
#[cfg(feature = "sign")]
pub use new::{MessageSignError, NewRequestSignature, NewResponseSignature, SignatureFields};
pub use verify::{
    RequestSignatureRules, ResponseSignatureRules, UnverifiedRequestSignature, UnverifiedResponseSignature, VerifiedHead,
    VerifiedSignature,
};

/// `tag` of every signature of the profile; others are somebody else's business.
const TAG: &str = "wimse-workload-to-workload";

/// What a signature can cover of a request, besides the body.
#[derive(Clone, Copy)]
pub struct RequestHead<'a> {
    /// The method, case-sensitive.
    pub method: &'a str,
    /// The request target exactly as it is on the wire, query included (RFC 9421 section 2.2.5): `/path?query`. A proxy that
    /// rewrites it breaks the signature.
    pub target: &'a str,
    /// The header fields.
    pub headers: &'a HeaderMap,
}

/// What a signature can cover of a response, besides the body.
#[derive(Clone, Copy)]
pub struct ResponseHead<'a> {
    /// The status, of three digits.
    pub status: u16,
    /// The header fields.
    pub headers: &'a HeaderMap,
}

/// What a signature is on. A response's signature also covers parts of its request (RFC 9421 section 2.4).
#[derive(Clone, Copy)]
enum Message<'a> {
    Request(RequestHead<'a>),
    Response(ResponseHead<'a>, RequestHead<'a>),
}

impl<'a> Message<'a> {
    const fn headers(&self) -> &'a HeaderMap {
        match self {
            Self::Request(head) => head.headers,
            Self::Response(head, _) => head.headers,
        }
    }

    const fn request(&self) -> &RequestHead<'a> {
        match self {
            Self::Request(head) | Self::Response(_, head) => head,
        }
    }
}
