//! What every delegation token must say.

use super::Row;
use crate::clock::now;
use anyhow::{Context, ensure};

/// The longest delegation the conformance profile accepts, in seconds.
const LONGEST: i64 = 30 * 60;

pub(super) const ROWS: &[Row] = &[
    (
        "members",
        "the members RFC 8693 asks for, uncacheable, no refresh token",
        &["TX-13", "TX-17", "CORE-06", "BCP-28", "DPOP-22"],
        |_, _| Ok(()),
    ),
    ("token-type", "`token_type` is DPoP", &["TX-14", "DPOP-20", "BCP-21"], |_, g| {
        let kind = g.body["token_type"].as_str().unwrap_or_default();
        ensure!(kind.eq_ignore_ascii_case("dpop"), "`token_type` is `{kind}`");
        Ok(())
    }),
    ("header", "`typ` at+jwt, an asymmetric `alg`, a `kid`", &["AT-01", "AT-03", "BCP-12"], |_, g| {
        ensure!(g.parts.header["typ"] == "at+jwt", "`typ` is {}", g.parts.header["typ"]);
        Ok(())
    }),
    ("claims", "every claim RFC 9068 asks for", &["AT-04"], |_, g| {
        for name in ["iss", "sub", "aud", "client_id", "jti"] {
            ensure!(g.claim(name).as_str().is_some_and(|text| !text.is_empty()), "`{name}` is {}", g.claim(name));
        }
        for name in ["iat", "exp"] {
            ensure!(g.claim(name).is_i64(), "`{name}` is {}", g.claim(name));
        }
        Ok(())
    }),
    ("issuer", "`iss` is the issuer of the metadata", &["AT-04", "AT-15"], |w, g| {
        ensure!(g.claim("iss") == &*w.options.issuer, "`iss` is {}", g.claim("iss"));
        Ok(())
    }),
    ("audience", "`aud` is the resource that was asked for", &["AT-09", "RES-02"], |w, g| {
        ensure!(g.claim("aud") == &*w.options.resource, "`aud` is {}", g.claim("aud"));
        Ok(())
    }),
    ("client", "`client_id` is the caller", &["TX-29"], |w, g| {
        ensure!(g.claim("client_id") == &*w.options.agent, "`client_id` is {}", g.claim("client_id"));
        Ok(())
    }),
    ("subject", "`sub` is the user in a name space of the issuer, and not the agent", &["AT-05", "BCP-27", "F07"], |w, g| {
        let sub = g.claim("sub").as_str().unwrap_or_default();
        ensure!(sub != w.options.agent, "`sub` is the agent");
        ensure!(sub != w.options.user && sub.contains(&w.options.user), "`sub` is `{sub}` for the user `{}`", w.options.user);
        Ok(())
    }),
    ("actor", "`act` is an object that names the agent and its trust domain", &["TX-23", "TX-31"], |w, g| {
        let act = g.claim("act");
        ensure!(act["sub"] == *w.options.agent, "`act` is {act}");
        ensure!(act["iss"] == format!("spiffe://{}", w.options.trust_domain), "`act.iss` is {}", act["iss"]);
        Ok(())
    }),
    ("actor-only-identity", "`act` holds nothing but identity claims", &["TX-24"], |_, g| {
        for name in ["exp", "nbf", "iat", "aud", "jti", "cnf", "scope"] {
            ensure!(g.claim("act").get(name).is_none(), "`act.{name}` is there");
        }
        ensure!(g.claim("act").get("act").is_none(), "a first exchange has no earlier actor");
        Ok(())
    }),
    (
        "scope",
        "`scope` is one string, the same in token and answer, not wider than asked",
        &["TX-16", "TX-28", "AT-08"],
        |w, g| {
            let scope = g.claim("scope").as_str().context("`scope` is no string")?;
            let asked: Vec<&str> = w.options.scope.split(' ').collect();
            ensure!(scope.split(' ').all(|word| asked.contains(&word)), "`{scope}` was granted, `{}` asked", w.options.scope);
            let told = g.body["scope"].as_str();
            ensure!(told == Some(scope) || (told.is_none() && scope == w.options.scope), "the answer says {told:?}");
            Ok(())
        },
    ),
    ("lifetime", "`expires_in` agrees with `exp`, and is half an hour at most", &["TX-15", "TX-32", "CORE-16"], |_, g| {
        let (iat, exp) = (g.claim("iat").as_i64().unwrap_or_default(), g.claim("exp").as_i64().unwrap_or_default());
        let told = g.body["expires_in"].as_i64().context("no `expires_in`")?;
        ensure!((exp - iat - told).abs() <= 1, "`exp` - `iat` is {}, `expires_in` {told}", exp - iat);
        ensure!(told > 0 && told <= LONGEST, "`expires_in` is {told}");
        ensure!((iat - now()).abs() <= 60, "`iat` is {} s away", iat - now());
        Ok(())
    }),
    ("deadline", "the delegation has an id and a deadline that the token keeps", &["F11"], |_, g| {
        let delegation = g.claim("delegation");
        ensure!(delegation["id"].as_str().is_some_and(|id| !id.is_empty()), "`delegation` is {delegation}");
        let until = delegation["until"].as_i64().context("no `delegation.until`")?;
        ensure!(g.claim("exp").as_i64().unwrap_or(i64::MAX) <= until, "`exp` {} is after `until` {until}", g.claim("exp"));
        Ok(())
    }),
];
