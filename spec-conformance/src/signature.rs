//! HTTP message signatures (RFC 9421) as the WIMSE profile has them: a small signature base, able to be wrong on purpose.

use crate::jose::{Key, sha256, unique, verify_es256};
use crate::world::{Answer, Wire};
use anyhow::{Context, Result, ensure};
use base64::{Engine, prelude::BASE64_STANDARD};
use serde_json::Value;

/// `tag` of the profile.
pub(crate) const TAG: &str = "\"wimse-workload-to-workload\"";

/// A signature before it is made, so that a case can spoil one thing in it.
#[derive(Clone)]
pub(crate) struct Signing {
    pub(crate) label: &'static str,
    /// Component identifiers without their quotes, in order; parameters after a `;`.
    pub(crate) components: Vec<String>,
    /// Parameters as they are serialized; a bare one stands for true.
    pub(crate) parameters: Vec<(String, Option<String>)>,
    pub(crate) key: Key,
    /// Changes the octets of the signature.
    pub(crate) finish: fn(&mut Vec<u8>),
}

impl Signing {
    /// A good signature over a request with a body, for this audience.
    pub(crate) fn new(key: &Key, audience: &str, now: i64) -> Self {
        let components = ["@method", "@request-target", "content-type", "content-digest", "workload-identity-token"];
        let parameters = [
            ("created", now.to_string()),
            ("expires", (now + 120).to_string()),
            ("nonce", format!("\"{}\"", unique())),
            ("tag", TAG.to_owned()),
            ("wimse-aud", format!("\"{audience}\"")),
        ];
        Self {
            label: "wimse",
            components: components.map(str::to_owned).to_vec(),
            parameters: parameters.map(|(name, value)| (name.to_owned(), Some(value))).to_vec(),
            key: key.clone(),
            finish: |_| (),
        }
    }

    /// Sets a parameter to a serialized value.
    pub(crate) fn set(&mut self, name: &str, value: impl ToString) {
        match self.parameters.iter_mut().find(|(known, _)| known == name) {
            Some((_, old)) => *old = Some(value.to_string()),
            None => self.parameters.push((name.to_owned(), Some(value.to_string()))),
        }
    }

    /// Adds a parameter without a value.
    pub(crate) fn flag(&mut self, name: &str) {
        self.parameters.push((name.to_owned(), None));
    }

    /// Takes a parameter away.
    pub(crate) fn without(&mut self, name: &str) {
        self.parameters.retain(|(known, _)| known != name);
    }

    /// Covers one more component.
    pub(crate) fn cover(&mut self, name: &str) {
        self.components.push(name.to_owned());
    }

    /// Leaves a component uncovered.
    pub(crate) fn uncover(&mut self, name: &str) {
        self.components.retain(|known| known != name);
    }

    /// A parameter without its quotes.
    pub(crate) fn parameter(&self, name: &str) -> Option<&str> {
        let (_, value) = self.parameters.iter().find(|(known, _)| known == name)?;
        value.as_deref().map(|value| value.trim_matches('"'))
    }

    /// The members of `Signature-Input` and `Signature`.
    pub(crate) fn members(&self, wire: &Wire) -> (String, String) {
        let list: Vec<String> = self.components.iter().map(|component| identifier(component)).collect();
        let parameters: String = self.parameters.iter().map(|(name, value)| parameter(name, value.as_deref())).collect();
        let input = format!("({}){parameters}", list.join(" "));
        let value_of = |component: &str| of_request(wire, component).unwrap_or_default();
        let mut octets = self.key.sign(base(&self.components, &input, value_of).as_bytes());
        (self.finish)(&mut octets);
        (format!("{}={input}", self.label), format!("{}=:{}:", self.label, BASE64_STANDARD.encode(octets)))
    }

    /// Signs a request.
    pub(crate) fn sign(&self, wire: &mut Wire) {
        let (input, signature) = self.members(wire);
        wire.add("signature-input", &input);
        wire.add("signature", &signature);
    }
}

/// `"name"`, or `"name";req`.
fn identifier(component: &str) -> String {
    match component.split_once(';') {
        Some((name, parameters)) => format!("\"{name}\";{parameters}"),
        None => format!("\"{component}\""),
    }
}

fn parameter(name: &str, value: Option<&str>) -> String {
    value.map_or_else(|| format!(";{name}"), |value| format!(";{name}={value}"))
}

/// RFC 9421 section 2.5: a line a component, and the parameters last.
fn base(components: &[String], input: &str, value_of: impl Fn(&str) -> String) -> String {
    let lines: String =
        components.iter().map(|component| format!("{}: {}\n", identifier(component), value_of(component))).collect();
    format!("{lines}\"@signature-params\": {input}")
}

fn of_request(wire: &Wire, component: &str) -> Option<String> {
    match component {
        "@method" => Some("POST".to_owned()),
        "@request-target" => Some(wire.target().to_owned()),
        field => wire.field(field),
    }
}

/// `Content-Digest` of a body (RFC 9530), by `sha-256` or `sha-512`.
pub(crate) fn content_digest(algorithm: &str, body: &[u8]) -> String {
    let octets = match algorithm {
        "sha-512" => {
            use sha2::{Digest, Sha512};
            Sha512::digest(body).to_vec()
        }
        _ => sha256(body),
    };
    format!("{algorithm}=:{}:", BASE64_STANDARD.encode(octets))
}

/// What a response's signature says, once it is verified.
pub(crate) struct Signed {
    pub(crate) components: Vec<String>,
    parameters: Vec<(String, Option<String>)>,
}

impl Signed {
    /// A parameter without its quotes.
    pub(crate) fn parameter(&self, name: &str) -> Option<&str> {
        let (_, value) = self.parameters.iter().find(|(known, _)| known == name)?;
        value.as_deref().map(|value| value.trim_matches('"'))
    }
}

/// Verifies the one signature of a response with a public P-256 JWK, against the request it answers.
pub(crate) fn verify_response(answer: &Answer, request: &Wire, jwk: &Value) -> Result<Signed> {
    let input = answer.header("signature-input").context("the response has no `Signature-Input`")?;
    let signature = answer.header("signature").context("the response has no `Signature`")?;
    let (label, input) = input.split_once('=').context("`Signature-Input` is no dictionary")?;
    let prefix = format!("{label}=:");
    let octets = signature.strip_prefix(&*prefix).and_then(|rest| rest.strip_suffix(':'));
    let octets = BASE64_STANDARD.decode(octets.with_context(|| format!("`Signature` has no `{label}` alone"))?)?;
    let signed = taken_apart(input)?;
    let value_of = |component: &str| match component {
        "@status" => answer.status.to_string(),
        field => match field.strip_suffix(";req") {
            Some(name) => of_request(request, name).unwrap_or_default(),
            None => answer.header(field).unwrap_or_default().to_owned(),
        },
    };
    verify_es256(jwk, base(&signed.components, input, value_of).as_bytes(), &octets)?;
    if let Some(digest) = answer.header("content-digest") {
        let algorithm = digest.split('=').next().unwrap_or_default();
        ensure!(digest == content_digest(algorithm, answer.body.as_bytes()), "`Content-Digest` is of another body");
    }
    Ok(signed)
}

/// `("a" "b";req);created=1;tag="x"`: enough for what a server of this profile writes.
fn taken_apart(input: &str) -> Result<Signed> {
    let (list, parameters) = input.strip_prefix('(').and_then(|rest| rest.split_once(')')).context("no inner list")?;
    let components = list.split(' ').map(|component| component.replacen('"', "", 2)).collect();
    let pairs = parameters.split(';').skip(1);
    let parameters = pairs.map(|pair| match pair.split_once('=') {
        Some((name, value)) => (name.to_owned(), Some(value.to_owned())),
        None => (pair.to_owned(), None),
    });
    Ok(Signed { components, parameters: parameters.collect() })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn base_of_the_published_request_is_the_published_one() {
        let wire = Wire {
            url: "https://svcb.example.com/gimme-ice-cream?flavor=vanilla".to_owned(),
            fields: vec![("Workload-Identity-Token".to_owned(), "aa.bb.cc".to_owned())],
            body: String::new(),
        };
        let components = ["@method", "@request-target", "workload-identity-token"].map(str::to_owned);
        let input = r#"("@method" "@request-target" "workload-identity-token");created=1;wimse-sign-response"#;
        let expected = "\"@method\": POST\n\"@request-target\": /gimme-ice-cream?flavor=vanilla\n\"workload-identity-token\": aa.bb.cc\n\"@signature-params\": (\"@method\" \"@request-target\" \"workload-identity-token\");created=1;wimse-sign-response";
        assert_eq!(base(&components, input, |name| of_request(&wire, name).unwrap_or_default()), expected);
    }

    #[test]
    fn an_input_is_taken_apart() {
        let signed = taken_apart(r#"("@status" "@method";req);created=7;nonce="n";wimse-req-nonce="a""#).unwrap();
        assert_eq!(signed.components, ["@status", "@method;req"]);
        assert_eq!((signed.parameter("created"), signed.parameter("wimse-req-nonce")), (Some("7"), Some("a")));
    }

    #[test]
    fn content_digest_is_the_one_of_rfc_9530() {
        let expected = "sha-256=:X48E9qOokqqrvdts8nOJRJN3OWDUoyWxBf7kbu9DBPE=:";
        assert_eq!(content_digest("sha-256", br#"{"hello": "world"}"#), expected);
    }
}
