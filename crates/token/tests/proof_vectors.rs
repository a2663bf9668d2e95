//! The vectors of proofs by a WIT's key, `wpt`, `wpt-request` and `http-signature`, judged through the public API.
//!
//! The libraries that made them are not ours. What counts is the verdict, and for a refusal its reason.

use core::time::Duration;
use std::collections::BTreeMap;
use std::path::Path;

use http::{HeaderMap, HeaderName, HeaderValue};
use procura_token::{
    Algorithm, Htu, Jwk, JwkConfirmation, JwkSet, KeySet, MAX_PROOF_AHEAD, ParseError, RequestHead, RequestSignatureRules,
    ResponseHead, ResponseSignatureRules, TXN_TOKEN, UnixTime, Unverified, UnverifiedRequestSignature,
    UnverifiedResponseSignature, VerifyError, VerifyingKey, Wit, Wpt, WptRules, sole_field, token_fields, verify_content_digest,
    workload_identity_token, wpt_credentials,
};
use serde::Deserialize;
use serde_json::Value;

const SKEW: Duration = Duration::from_secs(60);

#[derive(Deserialize)]
struct File {
    vectors: Vec<Vector>,
}

#[derive(Deserialize)]
struct Vector {
    id: String,
    now: u64,
    input: Input,
    expect: String,
    #[serde(default)]
    expect_also: Vec<String>,
}

#[derive(Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct Input {
    proof: String,
    wit: String,
    jwks: Option<Value>,
    cnf: Option<Value>,
    uri: String,
    algorithms: Vec<String>,
    transaction_token: Option<String>,
    other_tokens: BTreeMap<String, String>,
    access_token: Option<String>,
    token_fields: Vec<String>,
    request: Request,
    response: Option<Response>,
    body: String,
    request_nonce: String,
    signature_base: Option<String>,
    signature_verifies: bool,
    digest_verifies: bool,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Request {
    method: String,
    target: String,
    headers: Vec<(String, String)>,
}

#[derive(Deserialize)]
struct Response {
    status: u16,
    headers: Vec<(String, String)>,
}

/// Ours; or what a caller finds by itself: no proof or no WIT where there must be one.
#[derive(Debug)]
enum Refusal {
    Ours(VerifyError),
    Fields,
    NoProof,
    NoWit,
    Wit(VerifyError),
}

impl From<VerifyError> for Refusal {
    fn from(error: VerifyError) -> Self {
        Self::Ours(error)
    }
}

impl From<ParseError> for Refusal {
    fn from(error: ParseError) -> Self {
        Self::Ours(error.into())
    }
}

/// The vectors' reasons that say the same as ours: one, but for JSON of the wrong shape, where we do not tell what it is.
fn reasons(refusal: &Refusal) -> &'static [&'static str] {
    use {ParseError as P, VerifyError as V};
    let error = match refusal {
        Refusal::Fields | Refusal::NoProof => return &["transport"],
        Refusal::NoWit => return &["wit"],
        Refusal::Wit(error) => panic!("the WIT of every vector is good: {error:?}"),
        Refusal::Ours(error) => error,
    };
    match error {
        V::Malformed(P::Json(text)) if text.starts_with("unexpected value") || text.starts_with("missing field") => {
            &["claim", "malformed", "algorithm"]
        }
        V::Malformed(P::TooLong { .. } | P::NotCompact | P::Base64url | P::Json(_) | P::HeaderParameter(_)) => &["malformed"],
        V::Malformed(P::Typ) => &["typ"],
        V::Malformed(P::Algorithm) | V::AlgorithmNotAllowed(_) | V::ConfirmedAlgorithm(_) => &["algorithm"],
        V::Malformed(P::Value { name, .. }) => match *name {
            "signature" => &["tag"],
            "signature component" => &["component"],
            "`created`"
            | "`expires`"
            | "`nonce`"
            | "`jti` or `nonce`"
            | "`keyid`"
            | "`alg`"
            | "`wimse-aud`"
            | "`wimse-sign-response`"
            | "`wimse-req-nonce`" => &["parameter"],
            "`aud`" | "`oth`" => &["claim"],
            _ => &["malformed"],
        },
        V::Signature => &["signature"],
        V::Expired { .. } | V::NotYetValid { .. } | V::LifetimeTooLong { .. } => &["time"],
        V::Audience => &["audience"],
        V::WitHash => &["wit"],
        V::TransactionTokenHash | V::OtherTokenHash => &["token"],
        V::AccessTokenHash => &["ath"],
        V::NotCovered(_) => &["covered"],
        V::NoSuchComponent => &["component"],
        V::ContentDigest => &["digest"],
        V::RequestNonce => &["nonce"],
        other => panic!("no reason for {other:?}"),
    }
}

fn headers(pairs: &[(String, String)]) -> HeaderMap {
    let mut headers = HeaderMap::new();
    for (name, value) in pairs {
        headers.append(HeaderName::try_from(name).unwrap(), HeaderValue::from_str(value).unwrap());
    }
    headers
}

impl Input {
    fn algorithms(&self) -> Vec<Algorithm> {
        let named: Vec<_> = self.algorithms.iter().map(|name| name.parse().unwrap()).collect();
        if named.is_empty() { Algorithm::DEFAULT.to_vec() } else { named }
    }

    fn uris(&self) -> Vec<Htu> {
        self.uri.parse().into_iter().collect()
    }

    /// The key of the WIT: of a verified one; or, where its issuer's key was never published, as the vector gives it.
    fn confirmation(&self, wit: &str, now: UnixTime) -> Result<JwkConfirmation, Refusal> {
        if let Some(jwk) = &self.cnf {
            return Ok(JwkConfirmation::try_from(Jwk::parse(jwk.to_string().as_bytes())?)?);
        }
        let set = JwkSet::parse(self.jwks.as_ref().unwrap().to_string().as_bytes())?;
        let wit = Unverified::<Wit>::parse(wit).map_err(|error| Refusal::Wit(error.into()))?;
        let wit = wit.verify(&KeySet::new(&set, &[Some("wit-svid")]), SKEW, now).map_err(Refusal::Wit)?;
        Ok(wit.confirmation().clone())
    }
}

fn wpt(input: &Input, now: UnixTime) -> Result<(), Refusal> {
    let other_tokens: Vec<_> = input.other_tokens.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
    let rules = WptRules {
        wit: &input.wit,
        confirmation: &input.confirmation(&input.wit, now)?,
        audiences: &input.uris(),
        transaction_token: input.transaction_token.as_deref(),
        other_tokens: &other_tokens,
        access_token: input.access_token.as_deref(),
        algorithms: &input.algorithms(),
    };
    let verified = Unverified::<Wpt>::parse(&input.proof)?.verify(&rules, now)?;
    assert!(verified.made_since() <= now + MAX_PROOF_AHEAD && now < verified.replay_until(Duration::ZERO));
    Ok(())
}

fn wpt_request(input: &Input, now: UnixTime) -> Result<(), Refusal> {
    let headers = headers(&input.request.headers);
    let names: Vec<&str> = input.token_fields.iter().map(String::as_str).collect();
    let wit = workload_identity_token(&headers).map_err(|_| Refusal::Fields)?.ok_or(Refusal::NoProof)?;
    let proof = wpt_credentials(&headers).map_err(|_| Refusal::Fields)?.ok_or(Refusal::NoProof)?;
    let rules = WptRules {
        wit,
        confirmation: &input.confirmation(wit, now)?,
        audiences: &input.uris(),
        transaction_token: sole_field(&headers, TXN_TOKEN).map_err(|_| Refusal::Fields)?,
        other_tokens: &token_fields(&headers, &names).map_err(|_| Refusal::Fields)?,
        access_token: None,
        algorithms: &input.algorithms(),
    };
    Unverified::<Wpt>::parse(proof)?.verify(&rules, now)?;
    Ok(())
}

fn http_signature(input: &Input, now: UnixTime) -> Result<(), Refusal> {
    let request_headers = headers(&input.request.headers);
    let request = RequestHead { method: &input.request.method, target: &input.request.target, headers: &request_headers };
    let algorithms = input.algorithms();
    let body = input.body.as_bytes();
    let verified = if let Some(response) = &input.response {
        let headers = headers(&response.headers);
        let head = ResponseHead { status: response.status, headers: &headers };
        let signature = UnverifiedResponseSignature::parse(&head, &request)?.ok_or(Refusal::NoProof)?;
        let wit = workload_identity_token(&headers)?.ok_or(Refusal::NoWit)?;
        let confirmation = &input.confirmation(wit, now)?;
        let request_nonce = &input.request_nonce.parse()?;
        let rules = ResponseSignatureRules { wit, confirmation, request_nonce, algorithms: &algorithms };
        signature.verify(&rules, now)?.with_body(body)?
    } else {
        let signature = UnverifiedRequestSignature::parse(&request)?.ok_or(Refusal::NoProof)?;
        let wit = workload_identity_token(&request_headers)?.ok_or(Refusal::NoWit)?;
        let confirmation = &input.confirmation(wit, now)?;
        let rules = RequestSignatureRules { wit, confirmation, audiences: &input.uris(), algorithms: &algorithms };
        signature.verify(&rules, now)?.with_body(body)?
    };
    assert!(verified.made_since() <= now + MAX_PROOF_AHEAD && now < verified.replay_until(Duration::ZERO));
    Ok(())
}

fn vectors(kind: &str) -> Vec<Vector> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../spec-conformance/vectors").join(kind).with_extension("json");
    let file: File = serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap();
    assert!(!file.vectors.is_empty());
    file.vectors
}

fn assert_verdicts(kind: &str, judge: impl Fn(&Input, UnixTime) -> Result<(), Refusal>) {
    let differs = |vector: Vector| match (judge(&vector.input, UnixTime::from_secs(vector.now)), vector.expect.as_str()) {
        (Ok(()), "accept") => None,
        (Ok(()), expected) => Some(format!("{}: accepted, expected {expected}", vector.id)),
        (Err(refusal), expected) => {
            let ours = reasons(&refusal);
            let fits = ours.contains(&expected) || vector.expect_also.iter().any(|also| ours.contains(&also.as_str()));
            (!fits).then(|| format!("{}: {refusal:?}, expected {expected} {:?}", vector.id, vector.expect_also))
        }
    };
    let differences: Vec<_> = vectors(kind).into_iter().filter_map(differs).collect();
    assert!(differences.is_empty(), "{} differ:\n{}", differences.len(), differences.join("\n"));
}

#[test]
fn wpts_get_the_verdict_of_their_vector() {
    assert_verdicts("wpt", wpt);
}

#[test]
fn requests_with_a_wpt_get_the_verdict_of_their_vector() {
    assert_verdicts("wpt-request", wpt_request);
}

#[test]
fn message_signatures_get_the_verdict_of_their_vector() {
    assert_verdicts("http-signature", http_signature);
}

/// Some published examples have two flaws, and the one named first hides the other: here is what is recorded of signature and
/// digest, by itself. The base is the one that was computed elsewhere; signature/base.rs shows that ours is the same.
#[test]
fn published_signatures_and_digests_are_as_good_as_is_recorded() {
    let mut seen = 0;
    for vector in vectors("http-signature") {
        let input = &vector.input;
        let Some(base) = &input.signature_base else { continue };
        let pairs = input.response.as_ref().map_or(&input.request.headers, |response| &response.headers);
        let (_, signature) = pairs.iter().find(|(name, _)| name == "Signature").unwrap();
        let signature = signature.trim_start_matches("wimse=:").trim_end_matches(':');
        let signature = base64::Engine::decode(&base64::engine::general_purpose::STANDARD, signature).unwrap();
        let jwk = Jwk::parse(input.cnf.as_ref().unwrap().to_string().as_bytes()).unwrap();
        let verdict = VerifyingKey::new(&jwk).unwrap().verify(Algorithm::EdDsa, base.as_bytes(), &signature);
        assert_eq!(verdict.is_ok(), input.signature_verifies, "{}", vector.id);
        let digest = verify_content_digest(&headers(pairs), input.body.as_bytes());
        assert_eq!(digest.is_ok(), input.digest_verifies, "{}", vector.id);
        seen += 1;
    }
    assert_eq!(seen, 16);
}
