//! What every WIT must say.

use super::Row;
use crate::clock::now;
use crate::jose::thumbprint;
use anyhow::{Context, ensure};
use serde_json::Value;

pub(super) const ROWS: &[Row] = &[
    ("answer", "`token_type` N_A and the private token type", &["TX-13", "TX-14"], |_, g, _| {
        ensure!(g.body["token_type"] == "N_A", "`token_type` is {}", g.body["token_type"]);
        ensure!(
            g.body["issued_token_type"] == "urn:procura:token-type:wit",
            "`issued_token_type` is {}",
            g.body["issued_token_type"]
        );
        Ok(())
    }),
    ("answer-cnf", "the answer says which key is bound", &["CNF-05"], |_, g, key| {
        ensure!(g.body["cnf"]["jkt"] == thumbprint(&key.public()), "`cnf` is {}", g.body["cnf"]);
        Ok(())
    }),
    (
        "header",
        "`typ` wit+jwt, ES256, a `kid`, and no other header",
        &["WIT-13", "WIT-14", "WIT-24", "WSVID-02", "WSVID-04", "WSVID-05", "WSVID-06"],
        |_, g, _| {
            ensure!(g.parts.header["typ"] == "wit+jwt", "`typ` is {}", g.parts.header["typ"]);
            let odd = g.parts.header.keys().find(|name| !["typ", "alg", "kid"].contains(&name.as_str()));
            ensure!(odd.is_none(), "{odd:?} is in the header");
            Ok(())
        },
    ),
    ("subject", "`sub` is the caller, and no other identifier is in the token", &["WIT-11", "WIT-17", "WSVID-07"], |w, g, _| {
        ensure!(g.claim("sub") == &*w.options.agent, "`sub` is {}", g.claim("sub"));
        Ok(())
    }),
    (
        "key",
        "`cnf.jwk` is the proof's public key with its algorithm",
        &["WIT-21", "WIT-22", "WIT-23", "WSVID-08", "WSVID-09", "CNF-03"],
        |_, g, key| {
            let jwk = &g.claim("cnf")["jwk"];
            ensure!(thumbprint(jwk) == thumbprint(&key.public()), "`cnf.jwk` is {jwk}");
            ensure!(jwk["alg"] == "ES256", "`cnf.jwk.alg` is {}", jwk["alg"]);
            ensure!(jwk.get("d").is_none(), "the private key is in it");
            Ok(())
        },
    ),
    ("one-key", "`cnf` holds one key", &["CNF-02"], |_, g, _| {
        ensure!(g.claim("cnf").as_object().is_some_and(|cnf| cnf.len() == 1), "`cnf` is {}", g.claim("cnf"));
        Ok(())
    }),
    ("no-audience", "no `aud`", &["WSVID-17"], |_, g, _| {
        ensure!(g.claim("aud").is_null(), "`aud` is {}", g.claim("aud"));
        Ok(())
    }),
    ("issuer", "`iss` leads to no OpenID discovery", &["WIT-15", "WSVID-16"], |_, g, _| {
        let iss = g.claim("iss");
        ensure!(!iss.as_str().is_some_and(|iss| iss.starts_with("http")), "`iss` is {iss}");
        Ok(())
    }),
    ("lifetime", "hours, not days, and `expires_in` agrees", &["WIT-18", "WIT-19", "WSVID-12", "TX-15"], |_, g, _| {
        let left = g.claim("exp").as_i64().context("no `exp`")? - now();
        ensure!(left > 0 && left <= 86_400, "`exp` is {left} s away");
        let told = g.body["expires_in"].as_i64().context("no `expires_in`")?;
        ensure!((told - left).abs() <= 2, "`expires_in` is {told}, `exp` {left} s away");
        Ok(())
    }),
    ("not-beyond-svid", "a WIT bought with a bearer SVID ends with it", &["SPIFFECA-17", "F09"], |_, g, _| {
        let left = g.claim("exp").as_i64().unwrap_or(i64::MAX) - now();
        ensure!(left <= 300, "the SVID ends in 300 s, the WIT in {left} s");
        Ok(())
    }),
    ("no-user", "no `act`, no `scope`, no user", &["WIT-12", "WSVID-19"], |_, g, _| {
        for name in ["act", "scope", "client_id", "delegation"] {
            ensure!(g.claim(name) == &Value::Null, "`{name}` is {}", g.claim(name));
        }
        Ok(())
    }),
];
