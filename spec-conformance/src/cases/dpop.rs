//! Proofs at the token endpoint.

use super::Case;
use super::flaw::{ANY, Flaw, flaw};
use crate::clock::now;
use crate::jose::{Key, unb64u};
use crate::world::{Present, World};
use anyhow::{Result, ensure};
use serde_json::{Value, json};
use std::sync::Arc;

pub(super) fn cases() -> Vec<Case> {
    let mut cases: Vec<Case> = ANY.iter().chain(OWN).chain(URIS).map(spoiled).collect();
    cases.extend(GOOD.iter().map(varied));
    for (slug, shows, covers, present) in [
        (
            "missing",
            "no proof",
            &["DPOP-18", "DPOP-24", "BCP-21"][..],
            Present::Never,
        ),
        (
            "two-headers",
            "two `DPoP` headers",
            &["DPOP-01", "F26"],
            Present::TwoHeaders,
        ),
        (
            "joined-headers",
            "two proofs in one `DPoP` header",
            &["DPOP-01", "F26"],
            Present::OneHeaderJoined,
        ),
    ] {
        cases.push(Case::new(
            format!("dpop.{slug}"),
            shows,
            covers,
            move |w| async move {
                let mut exchange = w.exchange();
                exchange.present = present;
                exchange
                    .send(&w)
                    .await?
                    .refusal(&["invalid_dpop_proof", "invalid_request"])
            },
        ));
    }
    cases.push(Case::new(
        "dpop.forged-host",
        "no forwarding header and no `Host` decides `htu`",
        &["BCP-26", "F22"],
        forged_host,
    ));
    cases.push(Case::new(
        "dpop.host-of-attacker-in-proof",
        "`htu` that agrees with a forged `Host`",
        &["BCP-26", "DPOP-09", "F22"],
        agreeing_host,
    ));
    cases
}

fn spoiled(flaw: &Flaw) -> Case {
    let covers: Vec<&'static str> = [&["DPOP-19"], flaw.covers].concat();
    let spoil = flaw.spoil;
    Case::new(
        format!("dpop.{}", flaw.slug),
        flaw.shows,
        &covers,
        move |w| async move {
            let mut exchange = w.exchange();
            spoil(&mut exchange.proof, &w);
            exchange.send(&w).await?.refusal(&["invalid_dpop_proof"])
        },
    )
}

fn varied(flaw: &Flaw) -> Case {
    let spoil = flaw.spoil;
    Case::new(
        format!("dpop.{}", flaw.slug),
        flaw.shows,
        flaw.covers,
        move |w| async move {
            let mut exchange = w.exchange();
            spoil(&mut exchange.proof, &w);
            w.granted(&exchange.send(&w).await?).await.map(drop)
        },
    )
}

async fn forged_host(world: Arc<World>) -> Result<()> {
    let mut exchange = world.exchange();
    for (name, value) in [
        ("x-forwarded-host", "evil.example"),
        ("x-forwarded-proto", "https"),
        ("x-forwarded-port", "444"),
        ("x-forwarded-prefix", "/evil"),
        ("x-original-url", "/evil"),
        ("forwarded", "host=evil.example;proto=https"),
    ] {
        exchange.header(name, value);
    }
    world.granted(&exchange.send(&world).await?).await.map(drop)
}

async fn agreeing_host(world: Arc<World>) -> Result<()> {
    let mut exchange = world.exchange();
    exchange.header("x-forwarded-host", "evil.example");
    exchange.header("x-forwarded-proto", "https");
    exchange.header("forwarded", "host=evil.example;proto=https");
    exchange.proof.claim("htu", "https://evil.example/token");
    let answer = exchange.send(&world).await?;
    ensure!(answer.status != 200, "the forged host was believed");
    answer.refusal(&["invalid_dpop_proof"])
}

const GOOD: &[Flaw] = &[
    flaw(
        "good",
        "a good proof",
        &[
            "DPOP-02", "DPOP-03", "DPOP-05", "DPOP-07", "DPOP-18", "DPOP-20",
        ],
        |_, _| (),
    ),
    flaw(
        "unknown-claim",
        "unknown claims and header members are ignored",
        &["DPOP-07"],
        |d, _| {
            d.claim("example.com/x", 1);
            d.head("example.com/x", 1);
        },
    ),
    flaw(
        "uri-scheme-case",
        "scheme and host in capitals name the same URI",
        &["DPOP-10"],
        |d, w| d.claim("htu", capitals(&w.token_endpoint)),
    ),
    flaw(
        "uri-percent",
        "a percent-encoded letter names the same URI",
        &["DPOP-10"],
        |d, w| {
            d.claim("htu", w.token_endpoint.replacen("/token", "/%74oken", 1));
        },
    ),
    flaw(
        "uri-dots",
        "dot segments name the same URI",
        &["DPOP-10"],
        |d, w| {
            d.claim("htu", w.token_endpoint.replacen("/token", "/a/../token", 1));
        },
    ),
    flaw(
        "uri-query",
        "query and fragment in `htu` are ignored",
        &["DPOP-09", "DPOP-10"],
        |d, w| {
            d.claim("htu", format!("{}?x=1#y", w.token_endpoint));
        },
    ),
    flaw(
        "age-half-a-minute",
        "half a minute old",
        &["DPOP-12"],
        |d, _| d.claim("iat", now() - 30),
    ),
    flaw(
        "jwk-more-members",
        "`kid`, `use` and `alg` in the `jwk` are public",
        &["DPOP-06"],
        |d, _| {
            let mut jwk = d.key.public();
            jwk["kid"] = "a".into();
            jwk["use"] = "sig".into();
            jwk["alg"] = "ES256".into();
            d.head("jwk", jwk);
        },
    ),
];

const OWN: &[Flaw] = &[
    flaw("typ-missing", "no `typ`", &["DPOP-03", "F28"], |d, _| {
        drop(d.header.remove("typ"))
    }),
    flaw(
        "typ-jwt",
        "`typ` is JWT",
        &["DPOP-03", "BCP-13", "F28"],
        |d, _| d.head("typ", "JWT"),
    ),
    flaw(
        "typ-access-token",
        "`typ` is at+jwt",
        &["DPOP-03", "BCP-13", "F28"],
        |d, _| d.head("typ", "at+jwt"),
    ),
    flaw(
        "typ-wit",
        "`typ` is wit+jwt",
        &["DPOP-03", "BCP-13", "F28"],
        |d, _| d.head("typ", "wit+jwt"),
    ),
    flaw("key-missing", "no `jwk`", &["DPOP-05"], |d, _| {
        drop(d.header.remove("jwk"))
    }),
    flaw("key-null", "`jwk` is null", &["DPOP-05"], |d, _| {
        d.head("jwk", Value::Null)
    }),
    flaw("key-by-kid", "only a `kid`", &["DPOP-05", "F33"], |d, _| {
        d.header.remove("jwk");
        d.head("kid", "agent");
    }),
    flaw(
        "key-private",
        "the private key is in the header",
        &["DPOP-06", "F20"],
        |d, _| d.head("jwk", d.key.private()),
    ),
    flaw(
        "key-private-rsa-member",
        "a private RSA member in the header",
        &["DPOP-06", "F20"],
        |d, _| {
            let mut jwk = d.key.public();
            jwk["p"] = "AQAB".into();
            d.head("jwk", jwk);
        },
    ),
    flaw(
        "key-symmetric-member",
        "a `k` beside the EC key",
        &["DPOP-06", "F20"],
        |d, _| {
            let mut jwk = d.key.public();
            jwk["k"] = "AAAA".into();
            d.head("jwk", jwk);
        },
    ),
    flaw(
        "key-oct",
        "HS256 with the secret in the header",
        &["DPOP-04", "DPOP-06", "F20"],
        |d, _| {
            d.head("alg", "HS256");
            d.head("jwk", json!({"kty": "oct", "k": "MDEyMzQ1Njc4OWFiY2RlZg"}));
            d.secret = Some(b"0123456789abcdef".to_vec());
        },
    ),
    flaw(
        "key-other",
        "signed with another key",
        &["DPOP-05", "F20", "F21"],
        |d, _| d.key = Key::generate(),
    ),
    flaw(
        "key-off-curve",
        "a point that is not on the curve",
        &["BCP-05", "F20"],
        |d, _| {
            let mut jwk = d.key.public();
            jwk["y"] = jwk["x"].clone();
            d.head("jwk", jwk);
        },
    ),
    flaw(
        "key-loose-coordinate",
        "`x` in a second spelling",
        &["THUMB-02", "F27"],
        |d, _| {
            let mut jwk = d.key.public();
            jwk["x"] = second_spelling(jwk["x"].as_str().unwrap_or_default()).into();
            d.head("jwk", jwk);
        },
    ),
    flaw(
        "key-padded-coordinate",
        "`x` with padding",
        &["THUMB-02", "F27"],
        |d, _| {
            let mut jwk = d.key.public();
            jwk["x"] = format!("{}=", jwk["x"].as_str().unwrap_or_default()).into();
            d.head("jwk", jwk);
        },
    ),
    flaw(
        "key-long-coordinate",
        "`x` with a leading zero",
        &["THUMB-02", "F27"],
        |d, _| {
            let mut jwk = d.key.public();
            let octets = unb64u(jwk["x"].as_str().unwrap_or_default()).unwrap_or_default();
            jwk["x"] = crate::jose::b64u([vec![0], octets].concat()).into();
            d.head("jwk", jwk);
        },
    ),
    flaw("jti-missing", "no `jti`", &["DPOP-07"], |d, _| {
        drop(d.claims.remove("jti"))
    }),
    flaw("jti-empty", "`jti` is empty", &["DPOP-07"], |d, _| {
        d.claim("jti", "")
    }),
    flaw("jti-number", "`jti` is a number", &["DPOP-07"], |d, _| {
        d.claim("jti", 1)
    }),
    flaw("jti-long", "`jti` of 4 KiB", &["DPOP-17", "F37"], |d, _| {
        d.claim("jti", "j".repeat(4096))
    }),
    flaw("method-missing", "no `htm`", &["DPOP-07"], |d, _| {
        drop(d.claims.remove("htm"))
    }),
    flaw("method-get", "`htm` is GET", &["DPOP-08", "F26"], |d, _| {
        d.claim("htm", "GET")
    }),
    flaw(
        "method-lower-case",
        "`htm` is post",
        &["DPOP-08", "F26"],
        |d, _| d.claim("htm", "post"),
    ),
    flaw(
        "method-number",
        "`htm` is a number",
        &["DPOP-07"],
        |d, _| d.claim("htm", 1),
    ),
    flaw("uri-missing", "no `htu`", &["DPOP-07"], |d, _| {
        drop(d.claims.remove("htu"))
    }),
    flaw("uri-number", "`htu` is a number", &["DPOP-07"], |d, _| {
        d.claim("htu", 1)
    }),
    flaw("time-missing", "no `iat`", &["DPOP-07"], |d, _| {
        drop(d.claims.remove("iat"))
    }),
    flaw(
        "time-string",
        "`iat` is a string",
        &["DPOP-07", "BCP-20", "F26"],
        |d, _| d.claim("iat", now().to_string()),
    ),
    flaw(
        "time-null",
        "`iat` is null",
        &["DPOP-07", "BCP-20", "F26"],
        |d, _| d.claim("iat", Value::Null),
    ),
    flaw(
        "time-negative",
        "`iat` is negative",
        &["DPOP-07", "F26"],
        |d, _| d.claim("iat", -1),
    ),
    flaw(
        "time-fraction",
        "`iat` has a fraction",
        &["DPOP-07", "F26"],
        |d, _| d.raw_claim("iat", &format!("{}.5", now())),
    ),
    flaw("time-huge", "`iat` is 2^64", &["DPOP-07", "F26"], |d, _| {
        d.raw_claim("iat", "18446744073709551616")
    }),
    flaw(
        "time-overflow",
        "`iat` is 1e400",
        &["DPOP-07", "BCP-20", "F26"],
        |d, _| d.raw_claim("iat", "1e400"),
    ),
    flaw(
        "time-old",
        "ten minutes old",
        &["DPOP-12", "WIT-50", "F26", "F35"],
        |d, _| d.claim("iat", now() - 600),
    ),
    flaw(
        "time-ahead",
        "made in ten minutes",
        &["DPOP-12", "F26", "F35"],
        |d, _| d.claim("iat", now() + 600),
    ),
    flaw("claim-twice", "`htm` twice", &["BCP-19", "F31"], |d, _| {
        d.claims_tail = r#","htm":"GET""#.into()
    }),
];

const URIS: &[Flaw] = &[
    flaw("uri-path", "another path", &["DPOP-09", "F22"], |d, w| {
        d.claim("htu", format!("{}/x", w.token_endpoint))
    }),
    flaw(
        "uri-root",
        "the issuer instead of the endpoint",
        &["DPOP-09", "F22"],
        |d, w| d.claim("htu", w.options.issuer.clone()),
    ),
    flaw("uri-host", "another host", &["DPOP-09", "F22"], |d, _| {
        d.claim("htu", "https://evil.example/token")
    }),
    flaw(
        "uri-scheme",
        "another scheme",
        &["DPOP-09", "F22"],
        |d, w| {
            let endpoint = &w.token_endpoint;
            let other = match endpoint.strip_prefix("http://") {
                Some(rest) => format!("https://{rest}"),
                None => endpoint.replacen("https", "http", 1),
            };
            d.claim("htu", other);
        },
    ),
    flaw("uri-port", "another port", &["DPOP-09", "F22"], |d, w| {
        let (scheme, rest) = w.token_endpoint.split_once("://").unwrap_or_default();
        let (host, path) = rest.split_once('/').unwrap_or((rest, ""));
        d.claim(
            "htu",
            format!(
                "{scheme}://{}:1/{path}",
                host.split(':').next().unwrap_or_default()
            ),
        );
    }),
    flaw(
        "uri-userinfo",
        "our URI as the user name of another host",
        &["DPOP-09", "F22"],
        |d, w| {
            d.claim(
                "htu",
                w.token_endpoint
                    .replacen("/token", "@evil.example/token", 1),
            );
        },
    ),
    flaw(
        "uri-path-case",
        "the path in capitals",
        &["DPOP-10", "F22"],
        |d, w| {
            d.claim("htu", w.token_endpoint.replacen("/token", "/TOKEN", 1));
        },
    ),
    flaw(
        "uri-slash",
        "a slash at the end",
        &["DPOP-09", "F22"],
        |d, w| d.claim("htu", format!("{}/", w.token_endpoint)),
    ),
    flaw(
        "uri-encoded-slash",
        "`%2F` is not a slash",
        &["DPOP-10", "F22"],
        |d, w| {
            d.claim("htu", w.token_endpoint.replacen("/token", "/%2Ftoken", 1));
        },
    ),
    flaw(
        "uri-relative",
        "only the path",
        &["DPOP-09", "F22"],
        |d, _| d.claim("htu", "/token"),
    ),
    flaw("uri-empty", "an empty `htu`", &["DPOP-09"], |d, _| {
        d.claim("htu", "")
    }),
];

fn capitals(url: &str) -> String {
    let (scheme, rest) = url.split_once("://").unwrap_or_default();
    let (host, path) = rest.split_once('/').unwrap_or((rest, ""));
    format!("{}://{}/{path}", scheme.to_uppercase(), host.to_uppercase())
}

/// 32 octets leave two unused bits in the last of 43 characters.
fn second_spelling(text: &str) -> String {
    const ALPHABET: &str = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    let (head, last) = text.split_at(text.len().saturating_sub(1));
    let place = ALPHABET.find(last).unwrap_or_default();
    let next = ALPHABET.chars().nth(place | 1).unwrap_or('B');
    format!("{head}{next}")
}
