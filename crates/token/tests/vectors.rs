//! Every vector of `spec-conformance/vectors`, judged through the public API.
//!
//! The vectors were made by other JOSE libraries. What counts is the verdict, and for a refusal its coarse reason.

use core::time::Duration;
use std::path::Path;

use procura_token::{
    AccessToken, AccessTokenRules, Algorithm, ApprovalToken, ClaimRules, DpopProof, DpopRules, Freshness, Htu, IdToken,
    IdTokenRules, Issuer, Jwk, JwkSet, JwtSvid, JwtSvidRules, KeySet, ParseError, PlatformToken, PlatformTokenRules,
    PostureToken, Resource, Statement, StatementRules, Thumbprint, UnixTime, Unverified, VerifyError, VerifyingKey, Wit,
    WorkloadId,
};
use serde::Deserialize;
use serde_json::Value;

const SKEW: Duration = Duration::from_secs(60);

/// A WIT whose subject is a SPIFFE ID is held to WIT-SVID's rules too: no EdDSA, and a `kid`. The vectors allow both to a
/// plain WIT whatever its subject.
const STRICTER_THAN_THE_VECTOR: [&str; 4] =
    ["wit/good-eddsa", "wit/good-ed25519", "wit/good-cnf-eddsa", "wit/good-no-kid-one-key"];

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
    expect_thumbprint: Option<String>,
}

#[derive(Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct Input {
    proof: String,
    method: String,
    uri: String,
    ath_token: Option<String>,
    algorithms: Vec<String>,
    token: String,
    trust_domain: String,
    origin: String,
    jwks: Value,
    issuer: String,
    audience: String,
    audiences: Vec<String>,
    jwk: Value,
    value: String,
    bound: Option<bool>,
    profile: Option<String>,
}

/// Ours first; then what the caller of a library finds by itself, such as a token of a trust domain it did not expect.
enum Refusal {
    Ours(VerifyError),
    OtherTrustDomain,
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

/// The vectors' reasons that say the same as ours. A claim of the wrong shape is one reason to us, and several to them.
fn reasons(refusal: &Refusal) -> &'static [&'static str] {
    use {ParseError as P, VerifyError as V};
    let Refusal::Ours(error) = refusal else { return &["identifier"] };
    match error {
        V::Malformed(P::Json(text))
            if text.starts_with("unexpected value")
                || text.starts_with("missing field")
                || text.ends_with("is not of its type") =>
        {
            &["claim", "identifier", "cnf", "key", "malformed", "algorithm"]
        }
        V::Malformed(P::TooLong { .. } | P::NotCompact | P::Base64url | P::Json(_) | P::HeaderParameter(_)) => {
            &["malformed", "key"]
        }
        V::Malformed(P::Typ) => &["typ"],
        V::Malformed(P::Algorithm) | V::AlgorithmNotAllowed(_) => &["algorithm", "cnf", "key"],
        V::Malformed(P::PrivateKey | P::Key(_)) => &["key", "cnf"],
        V::Malformed(P::Value { name, .. }) => match *name {
            "`cnf`" | "`cnf.jwk.alg`" => &["cnf"],
            "workload identifier" => &["identifier"],
            "`htu`" => &["uri", "claim"],
            "`kid`" => &["malformed", "key"],
            "`nbf`" => &["time"],
            "`aud`" => &["claim", "audience"],
            _ => &["claim", "identifier"],
        },
        V::UnknownKey => &["key"],
        V::KeyMismatch(_) => &["algorithm", "key"],
        V::Signature => &["signature"],
        V::Expired { .. } | V::NotYetValid { .. } | V::Stale { .. } => &["time"],
        V::Issuer => &["issuer"],
        V::Audience => &["audience"],
        V::Method => &["method"],
        V::Uri => &["uri"],
        V::AccessTokenHash => &["ath"],
        V::Binding => &["cnf"],
        other => panic!("no reason for {other:?}"),
    }
}

fn algorithms(names: &[String]) -> Vec<Algorithm> {
    names.iter().filter_map(|name| name.parse().ok()).collect()
}

/// The set as it would be fetched. One that cannot be read is one without keys.
fn keys(jwks: &Value, uses: &[Option<&str>]) -> KeySet {
    JwkSet::parse(jwks.to_string().as_bytes()).map(|set| KeySet::new(&set, uses)).unwrap_or_default()
}

fn dpop(input: &Input, now: UnixTime) -> Result<(), Refusal> {
    let uris = [input.uri.parse::<Htu>()?];
    let algorithms = algorithms(&input.algorithms);
    let rules = DpopRules {
        method: &input.method,
        uris: &uris,
        access_token: input.ath_token.as_deref(),
        algorithms: &algorithms,
        freshness: Freshness::default(),
    };
    Unverified::<DpopProof>::parse(&input.proof)?.verify(&rules, now)?;
    Ok(())
}

fn jwt_svid(input: &Input, now: UnixTime) -> Result<(), Refusal> {
    let token = Unverified::<JwtSvid>::parse(&input.token)?;
    if token.trust_domain() != input.trust_domain {
        return Err(Refusal::OtherTrustDomain);
    }
    let rules = JwtSvidRules { audience: &input.audience, skew: SKEW };
    token.verify(&keys(&input.jwks, &[Some("jwt-svid")]), &rules, now)?;
    Ok(())
}

fn wit(input: &Input, now: UnixTime) -> Result<(), Refusal> {
    let token = Unverified::<Wit>::parse(&input.token)?;
    if token.origin() != input.origin {
        return Err(Refusal::OtherTrustDomain);
    }
    let uses: &[_] = if input.profile.as_deref() == Some("wit-svid") { &[Some("wit-svid")] } else { &[None, Some("wit-svid")] };
    token.verify(&keys(&input.jwks, uses), SKEW, now)?;
    Ok(())
}

fn id_token(input: &Input, now: UnixTime) -> Result<(), Refusal> {
    let issuer: Issuer = input.issuer.parse()?;
    let audiences: Vec<&str> = input.audiences.iter().map(String::as_str).collect();
    let algorithms = algorithms(&input.algorithms);
    let rules = IdTokenRules {
        issuer: &issuer,
        audiences: &audiences,
        algorithms: &algorithms,
        claims: ClaimRules::default(),
        not: &[],
        skew: SKEW,
    };
    Unverified::<IdToken>::parse(&input.token)?.verify(&keys(&input.jwks, &[None, Some("sig")]), &rules, now)?;
    Ok(())
}

fn platform_token(input: &Input, now: UnixTime) -> Result<(), Refusal> {
    let issuer: Issuer = input.issuer.parse()?;
    let algorithms = algorithms(&input.algorithms);
    let rules = PlatformTokenRules { issuer: &issuer, audiences: &input.audiences, algorithms: &algorithms, skew: SKEW };
    Unverified::<PlatformToken>::parse(&input.token)?.verify(&keys(&input.jwks, &[None, Some("sig")]), &rules, now)?;
    Ok(())
}

fn statement<T: Statement>(input: &Input, now: UnixTime) -> Result<(), Refusal> {
    let issuer: Issuer = input.issuer.parse()?;
    let audience: Issuer = input.audience.parse()?;
    let algorithms = algorithms(&input.algorithms);
    let rules = StatementRules { issuer: &issuer, audience: &audience, algorithms: &algorithms, skew: SKEW };
    Unverified::<T>::parse(&input.token)?.verify(&keys(&input.jwks, &[None, Some("sig")]), &rules, now)?;
    Ok(())
}

fn access_token(input: &Input, now: UnixTime) -> Result<(), Refusal> {
    let issuer: Issuer = input.issuer.parse()?;
    let audience: Resource = input.audience.parse()?;
    let rules = AccessTokenRules { issuer: &issuer, audience: &audience, algorithms: Algorithm::DEFAULT, skew: SKEW };
    Unverified::<AccessToken>::parse(&input.token)?.verify(&keys(&input.jwks, &[None, Some("sig")]), &rules, now)?;
    Ok(())
}

fn thumbprint(input: &Input) -> Result<Thumbprint, Refusal> {
    Ok(VerifyingKey::new(&Jwk::parse(input.jwk.to_string().as_bytes())?)?.thumbprint())
}

fn identifier(input: &Input) -> Result<(), Refusal> {
    let id: WorkloadId = input.value.parse()?;
    assert_eq!(id.as_str(), input.value);
    Ok(())
}

/// Runs one file; says what differs.
fn differences(kind: &str, judge: impl Fn(&Vector) -> Result<(), Refusal>) -> Vec<String> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../spec-conformance/vectors").join(kind).with_extension("json");
    let file: File = serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap();
    assert!(!file.vectors.is_empty());
    let differs = |vector: &Vector| {
        let verdict = judge(vector);
        let stricter = STRICTER_THAN_THE_VECTOR.contains(&vector.id.as_str());
        match (&verdict, vector.expect.as_str()) {
            (Ok(()), "accept") => stricter.then(|| format!("{}: accepted, though listed as stricter", vector.id)),
            (Ok(()), expected) => Some(format!("{}: accepted, expected {expected}", vector.id)),
            (Err(_), "accept") if stricter => None,
            (Err(refusal), expected) => {
                let ours = reasons(refusal);
                let fits = ours.contains(&expected) || vector.expect_also.iter().any(|also| ours.contains(&also.as_str()));
                let text = match refusal {
                    Refusal::Ours(error) => format!("{error:?}"),
                    Refusal::OtherTrustDomain => "other trust domain".into(),
                };
                (!fits).then(|| format!("{}: {text}, expected {expected} {:?}", vector.id, vector.expect_also))
            }
        }
    };
    file.vectors.iter().filter_map(differs).collect()
}

fn assert_verdicts(kind: &str, judge: impl Fn(&Input, UnixTime) -> Result<(), Refusal>) {
    let differences = differences(kind, |vector| judge(&vector.input, UnixTime::from_secs(vector.now)));
    assert!(differences.is_empty(), "{} differ:\n{}", differences.len(), differences.join("\n"));
}

#[test]
fn dpop_proofs_get_the_verdict_of_their_vector() {
    assert_verdicts("dpop", dpop);
}

#[test]
fn jwt_svids_get_the_verdict_of_their_vector() {
    assert_verdicts("jwt-svid", jwt_svid);
}

#[test]
fn wits_get_the_verdict_of_their_vector() {
    assert_verdicts("wit", wit);
}

#[test]
fn id_tokens_get_the_verdict_of_their_vector() {
    assert_verdicts("id-token", id_token);
}

#[test]
fn access_tokens_get_the_verdict_of_their_vector() {
    assert_verdicts("access-token", access_token);
}

#[test]
fn platform_tokens_get_the_verdict_of_their_vector() {
    assert_verdicts("platform-token", platform_token);
}

#[test]
fn approvals_get_the_verdict_of_their_vector() {
    assert_verdicts("approval-token", statement::<ApprovalToken>);
}

#[test]
fn postures_get_the_verdict_of_their_vector() {
    assert_verdicts("posture-token", statement::<PostureToken>);
}

#[test]
fn identifiers_get_the_verdict_of_their_vector() {
    assert_verdicts("identifier", |input, _| identifier(input));
}

#[test]
fn keys_get_the_thumbprint_of_their_vector() {
    let differences = differences("thumbprint", |vector| {
        let thumbprint = thumbprint(&vector.input)?;
        assert_eq!(Some(thumbprint.to_string()), vector.expect_thumbprint, "{}", vector.id);
        Ok(())
    });
    assert!(differences.is_empty(), "{}", differences.join("\n"));
}
