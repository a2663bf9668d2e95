//! The signature base (RFC 9421 section 2.5): the very bytes that are signed.

use super::Message;
use super::component::Component;
use crate::VerifyError;

/// One line for each component, and the parameters, as they are serialized, for the last.
pub(super) fn base(message: &Message<'_>, covered: &[Component], parameters: &str) -> Result<String, VerifyError> {
    let mut base = String::new();
    for component in covered {
        base.push_str(&format!("{component}: {}\n", component.value(message)?));
    }
    base.push_str("\"@signature-params\": ");
    base.push_str(parameters);
    Ok(base)
}

#[cfg(test)]
mod tests {
    use http::{HeaderMap, HeaderName, HeaderValue};
    use serde_json::Value;

    use super::*;
    use crate::signature::input::{components, serialized};
    use crate::signature::{RequestHead, ResponseHead, dictionary};

    fn text(value: &Value, pointer: &str) -> String {
        value.pointer(pointer).unwrap().as_str().unwrap().to_owned()
    }

    fn headers(message: &Value) -> HeaderMap {
        let pairs = message.pointer("/headers").unwrap().as_array().unwrap().iter();
        let field =
            |pair: &Value| (HeaderName::try_from(text(pair, "/0")).unwrap(), HeaderValue::try_from(text(pair, "/1")).unwrap());
        pairs.map(field).collect()
    }

    /// SIG-34. The bases were computed elsewhere; also those of drafts whose signatures we refuse.
    #[test]
    fn the_bases_of_published_signatures_are_reproduced() {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../spec-conformance/vectors/http-signature.json");
        let file: Value = serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap();
        let vectors = file.pointer("/vectors").unwrap().as_array().unwrap();
        let mut seen = 0;
        for vector in vectors.iter().filter(|vector| vector.pointer("/input/signature_base").is_some()) {
            let request = vector.pointer("/input/request").unwrap();
            let (method, target, request_headers) = (text(request, "/method"), text(request, "/target"), headers(request));
            let request = RequestHead { method: &method, target: &target, headers: &request_headers };
            let response = vector.pointer("/input/response");
            let response_headers = response.map(headers).unwrap_or_default();
            let message = match response.and_then(|response| response.pointer("/status")?.as_u64()) {
                None => Message::Request(request),
                Some(status) => {
                    let head = ResponseHead { status: status.try_into().unwrap(), headers: &response_headers };
                    Message::Response(head, request)
                }
            };
            let input = dictionary::text(message.headers(), "signature-input").unwrap().unwrap();
            let members = dictionary::parse("`Signature-Input`", &input).unwrap();
            let member = members.first().unwrap();
            let ours = base(&message, &components(member).unwrap(), &serialized(member).unwrap()).unwrap();
            assert_eq!(ours, text(vector, "/input/signature_base"), "{}", text(vector, "/id"));
            seen += 1;
        }
        assert_eq!(seen, 16);
    }
}
