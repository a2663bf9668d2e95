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

    fn headers(message: &Value) -> HeaderMap {
        let pairs = message["headers"].as_array().unwrap().iter();
        let text = |value: &Value| value.as_str().unwrap().to_owned();
        pairs
            .map(|pair| (HeaderName::try_from(text(&pair[0])).unwrap(), HeaderValue::try_from(text(&pair[1])).unwrap()))
            .collect()
    }

    /// SIG-34. The bases were computed elsewhere; also those of drafts whose signatures we refuse.
    #[test]
    fn the_bases_of_published_signatures_are_reproduced() {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../spec-conformance/vectors/http-signature.json");
        let file: Value = serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap();
        let mut seen = 0;
        for vector in file["vectors"].as_array().unwrap() {
            let input = &vector["input"];
            let Some(expected) = input["signature_base"].as_str() else { continue };
            let request_headers = headers(&input["request"]);
            let text = |name: &str| input["request"][name].as_str().unwrap();
            let request = RequestHead { method: text("method"), target: text("target"), headers: &request_headers };
            let response_headers = input.get("response").map(headers);
            let message = match &response_headers {
                None => Message::Request(request),
                Some(headers) => {
                    let status = input["response"]["status"].as_u64().unwrap() as u16;
                    Message::Response(ResponseHead { status, headers }, request)
                }
            };
            let text = dictionary::text(message.headers(), "signature-input").unwrap().unwrap();
            let members = dictionary::parse("`Signature-Input`", &text).unwrap();
            let [member] = members.as_slice() else { panic!("{}", vector["id"]) };
            let ours = base(&message, &components(member).unwrap(), &serialized(member).unwrap()).unwrap();
            assert_eq!(ours, expected, "{}", vector["id"]);
            seen += 1;
        }
        assert_eq!(seen, 16);
    }
}
