//! Every vector of `spec-conformance/vectors/handover.json`, made by a program that shares no code with ours.

use core::time::Duration;

use procura_handover::{HandoverRules, UnverifiedHandover};
use procura_token::{Confirmation, Issuer, JwkSet, KeySet, ParseError, Resource, UnixTime, Unverified, VerifyError, Wit};
use serde_json::Value;

const SKEW: Duration = Duration::from_secs(60);

/// Actors newest first, scope, end and key.
type Verdict = Result<(Vec<String>, String, u64, String), VerifyError>;

fn judge(input: &Value, now: UnixTime) -> Verdict {
    let text = |name: &str| input[name].as_str().unwrap();
    let keys = |name: &str, uses: &[Option<&str>]| KeySet::new(&JwkSet::parse(input[name].to_string().as_bytes()).unwrap(), uses);
    let (issuer, audience): (Issuer, Resource) = (text("issuer").parse().unwrap(), text("audience").parse().unwrap());
    let rules = HandoverRules { issuer: &issuer, audience: Some(&audience), skew: SKEW };
    let biscuit = UnverifiedHandover::parse(text("biscuit"))?;
    let rooted = biscuit.verify_root(&keys("jwks", &[Some("sig")]), &rules, now)?;
    let domain = keys("bundle", &[Some("wit-svid")]);
    let wits =
        rooted.wits().map(|wit| Unverified::<Wit>::parse(wit)?.verify(&domain, SKEW, now)).collect::<Result<Vec<_>, _>>()?;
    let handover = rooted.verify(&wits.iter().collect::<Vec<_>>())?;
    let token = handover.token();
    let actors = token.act.as_ref().unwrap().iter().map(|actor| actor.id.to_string()).collect();
    let Confirmation::Key(key) = token.cnf else { unreachable!("a Biscuit is held by a key") };
    Ok((actors, token.scope.to_string(), token.exp.as_secs(), key.to_string()))
}

/// The vectors' reasons that say the same as ours.
fn reasons(error: &VerifyError) -> &'static [&'static str] {
    use {ParseError as P, VerifyError as V};
    match error {
        V::Malformed(P::TooLong { .. } | P::Base64url | P::NotCompact | P::Value { .. }) => &["malformed", "claim", "wit"],
        V::Malformed(P::Key(_)) => &["key", "malformed"],
        V::UnknownKey => &["key"],
        V::Signature => &["signature"],
        V::Issuer => &["issuer"],
        V::Audience => &["audience"],
        V::Expired { .. } | V::NotYetValid { .. } => &["time"],
        V::Binding => &["cnf"],
        _ => &[],
    }
}

#[test]
fn every_vector_gets_its_verdict() {
    let file = concat!(env!("CARGO_MANIFEST_DIR"), "/../../spec-conformance/vectors/handover.json");
    let file: Value = serde_json::from_slice(&std::fs::read(file).unwrap()).unwrap();
    let vectors = file["vectors"].as_array().unwrap();
    assert!(vectors.len() > 80);
    let mut wrong = Vec::new();
    for vector in vectors {
        let verdict = judge(&vector["input"], UnixTime::from_secs(vector["now"].as_u64().unwrap()));
        let also = vector["expect_also"].as_array().into_iter().flatten();
        let expected: Vec<_> = also.chain([&vector["expect"]]).map(|reason| reason.as_str().unwrap()).collect();
        let fits = match &verdict {
            Ok((actors, scope, expires, key)) => {
                let found = serde_json::json!({ "actors": actors, "scope": scope, "expires": expires, "jkt": key });
                vector["expect"] == "accept" && vector["expect_handover"] == found
            }
            Err(error) => reasons(error).iter().any(|reason| expected.contains(reason)),
        };
        if !fits {
            wrong.push(format!("{}: {verdict:?}, not {expected:?}", vector["id"]));
        }
    }
    assert!(wrong.is_empty(), "\n{}", wrong.join("\n"));
}
