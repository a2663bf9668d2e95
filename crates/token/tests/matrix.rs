//! Kinds of tokens are mutually exclusive (RFC 8725bis section 3.12), even when one key signs them all.

#[path = "support/sample.rs"]
mod sample;

use procura_token::Algorithm;
use sample::{AGENT, EXP, Kind, NOW, URI, forge, key, keys_of};

#[test]
fn only_its_own_verifier_accepts_a_token() {
    let signer = key(Algorithm::Es256);
    let keys = keys_of(&signer);
    for made in Kind::ALL {
        let token = made.issue(&signer);
        for judged in Kind::ALL {
            let verdict = judged.judge(&token, &keys, NOW);
            assert_eq!(verdict.is_ok(), made == judged, "{made:?} as {judged:?}: {verdict:?}");
        }
    }
}

/// With the claims of every kind at once, `typ` alone decides; and where there is none, the subject.
#[test]
fn a_token_with_everybodys_claims_is_of_one_kind_at_most() {
    let signer = key(Algorithm::Es256);
    let keys = keys_of(&signer);
    let public = serde_json::to_value(procura_token::Signer::public_key(&signer)).unwrap();
    let jkt = procura_token::Signer::public_key(&signer).thumbprint().to_string();
    let mut accepted = 0;
    for sub in ["alice", AGENT, "wimse://prod.example/agent/planner"] {
        for cnf in [None, Some(serde_json::json!({"jkt": jkt})), Some(serde_json::json!({"jwk": public}))] {
            for typ in [
                "",
                "JWT",
                "JOSE",
                "at+jwt",
                "wit+jwt",
                "dpop+jwt",
                "wpt+jwt",
                "logout+jwt",
                "secevent+jwt",
                "txntoken+jwt",
                "procura-approval+jwt",
                "procura-posture+jwt",
            ] {
                for jwk in [false, true] {
                    let mut header = serde_json::json!({"alg": "ES256"});
                    if !typ.is_empty() {
                        header["typ"] = typ.into();
                    }
                    if jwk {
                        header["jwk"] = public.clone();
                    } else {
                        header["kid"] = public["kid"].clone();
                    }
                    let mut claims = serde_json::json!({
                        "iss": URI, "sub": sub, "aud": URI, "client_id": AGENT, "iat": NOW, "exp": EXP, "jti": "1",
                        "scope": "a", "htm": "POST", "htu": URI, "user": {"iss": URI, "sub": sub}, "agent": AGENT, "target": URI,
                        "posture": {"edr": "healthy"},
                    });
                    if let Some(cnf) = &cnf {
                        claims["cnf"] = cnf.clone();
                    }
                    let token = forge(&signer, &header.to_string(), &claims.to_string());
                    let kinds: Vec<_> = Kind::ALL.into_iter().filter(|kind| kind.judge(&token, &keys, NOW).is_ok()).collect();
                    assert!(kinds.len() <= 1, "{header} {claims}: {kinds:?}");
                    accepted += kinds.len();
                }
            }
        }
    }
    assert!(accepted > 0, "the claims are good enough for somebody");
}
