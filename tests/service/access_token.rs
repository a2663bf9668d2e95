//! Users named by access tokens of their issuer (RFC 9068).

use procura_token::{Algorithm, Signer as _, SigningKey};
use serde_json::{Value, json};

use crate::support::{Agent, Answer, Form, Provider, Service, World, claims, now, sign};

const PLANNER: &str = "spiffe://dev.procura.test/agent/planner";
/// Access tokens too, and a name for the planner.
const BOTH: &str = "token_kinds = [\"id_token\", \"access_token\"]\n\
                    workloads = { calendar-api = \"spiffe://dev.procura.test/agent/planner\" }\n";

struct Scene {
    world: World,
    service: Service,
    planner: Agent,
    provider: Provider,
}

/// A running service that believes a provider configured with `more`.
async fn scene(more: &str) -> Scene {
    let (world, provider) = (World::new(), Provider::new().await.start().await);
    provider.trusted_as(&world, "idp", more);
    let (service, planner) = (world.serve(), Agent::new(&world, "/agent/planner"));
    Scene { world, service, planner, provider }
}

impl Scene {
    /// An access token that the planner may present: `null` removes a claim.
    fn token(&self, changes: Value) -> String {
        let mut all = json!({ "aud": "calendar-api" });
        all.as_object_mut().unwrap().extend(changes.as_object().unwrap().clone());
        self.provider.access_token(&self.world, all)
    }

    /// An ID token that looks as much like an access token as it may.
    fn id_token(&self) -> String {
        let said = json!({ "iss": self.provider.url, "azp": "web", "aud": ["http://127.0.0.1:8080", PLANNER], "scope": "calendar.read" });
        self.signed(None, &self.world.user_claims(said))
    }

    /// Signed by the provider, under another header.
    fn signed(&self, typ: Option<&str>, claims: &Value) -> String {
        let key = &self.provider.key;
        let mut header = json!({ "alg": "ES256", "kid": key.public_key().key_id });
        if let Some(typ) = typ {
            header["typ"] = typ.into();
        }
        sign(key, &header, claims)
    }

    async fn present(&self, token: &str) -> Answer {
        self.send(&self.planner.delegation_by_access_token(token)).await
    }

    async fn send(&self, form: &Form) -> Answer {
        self.service.exchange(&self.planner, form).await
    }

    #[track_caller]
    fn refused(&self, answer: &Answer, reason: &str) {
        assert_eq!(answer.refusal(), (400, "invalid_request".to_owned()), "{reason}: {answer:?}");
        let last = self.world.audit().pop().unwrap();
        assert!(last["error.reason"].as_str().unwrap().contains(reason), "{reason}: {last}");
        // The client learns that, and no more.
        assert!(reason.is_empty() || !answer.text.contains(reason), "{answer:?}");
    }
}

/// AT-06, AT-12, TX-22.
#[tokio::test]
async fn an_access_token_makes_a_delegation_within_its_scope_and_its_time() {
    let scene = scene(&format!("{BOTH}session = \"8h\"")).await;
    let (began, token) = (now(), scene.token(json!({ "exp": now() + 90, "auth_time": now() - 7 })));
    let answer = scene.present(&token).await;
    let said = claims(&answer.token());
    assert_eq!((&said["sub"], &said["scope"]), (&json!("idp:alice"), &json!("calendar.read")));
    assert_eq!((&said["auth_time"], &said["amr"]), (&json!(began - 7), &json!(["pwd", "otp"])));
    assert_eq!((&said["client_id"], &said["act"]["sub"]), (&json!(PLANNER), &json!(PLANNER)));
    assert!(said["exp"].as_u64().unwrap() <= began + 90, "a session is of ID tokens: {said}");
    let event = scene.world.audit().pop().unwrap();
    assert_eq!((&event["subject.token"], &event["subject.issuer"]), (&json!("access_token"), &json!(scene.provider.url)));

    let wider = scene.planner.delegation_by_access_token(&scene.token(json!({}))).add("scope", "calendar.write");
    assert_eq!(scene.send(&wider).await.refusal(), (400, "invalid_scope".to_owned()));
    let none = scene.token(json!({ "scope": "openid" }));
    assert_eq!(scene.present(&none).await.refusal(), (400, "invalid_scope".to_owned()));
}

/// TX-05, TX-22, BCP-13: F01.
#[tokio::test]
async fn one_kind_of_token_is_not_taken_for_another() {
    let scene = scene(BOTH).await;
    let id_token = scene.id_token();
    scene.refused(&scene.present(&id_token).await, "`typ`");
    let as_id_token = scene.planner.delegation(&scene.token(json!({ "aud": "http://127.0.0.1:8080" })));
    scene.refused(&scene.send(&as_id_token).await, "`typ`");
    assert_eq!(scene.send(&scene.planner.delegation(&id_token)).await.status, 200);
    // Our own delegation token is no other issuer's: its holder goes on with it. A WIT or an SVID is no access token.
    let own = scene.send(&scene.planner.delegation(&id_token)).await.token();
    assert_eq!(scene.present(&own).await.status, 200);
    assert_eq!(scene.world.audit().pop().unwrap()["subject.token"], "delegation");
    scene.refused(&scene.present(&scene.planner.svid).await, "a workload, not a user");
    for typ in [None, Some("JWT"), Some("txntoken+jwt"), Some("logout+jwt"), Some("id-jag+jwt")] {
        let claims = scene.provider.access_claims(&scene.world, json!({ "aud": "calendar-api" }));
        scene.refused(&scene.present(&scene.signed(typ, &claims)).await, "`typ`");
    }
}

/// TX-22.
#[tokio::test]
async fn kinds_that_are_not_configured_are_refused() {
    let ids = scene("").await;
    ids.refused(&ids.present(&ids.token(json!({ "aud": PLANNER }))).await, "not accepted from its issuer");
    let access = scene("token_kinds = [\"access_token\"]").await;
    let id_token = access.provider.token(&access.world, &access.provider.key, None);
    access.refused(&access.send(&access.planner.delegation(&id_token)).await, "not accepted from its issuer");
    assert_eq!(access.present(&access.token(json!({ "aud": PLANNER }))).await.status, 200);
    // The other issuer of the world accepts ID tokens alone; nobody knows a third.
    let third = sign(&access.provider.key, &json!({ "alg": "ES256", "typ": "at+jwt" }), &{
        access.provider.access_claims(&access.world, json!({ "iss": "https://third.test", "aud": PLANNER }))
    });
    access.refused(&access.present(&third).await, "not one we believe");
}

/// CHAIN-10, BCP-09: F06.
#[tokio::test]
async fn a_token_is_of_use_to_its_audience_and_to_its_client() {
    let scene = scene(&format!("{BOTH}audiences = [\"calendar-web\"]")).await;
    for (changes, why) in [
        (json!({ "aud": PLANNER }), "meant for the caller"),
        (json!({ "aud": ["other", "calendar-api"] }), "meant for the caller, by the issuer's name"),
        (json!({ "aud": "other", "client_id": PLANNER }), "made for the caller"),
        (json!({ "aud": "other", "client_id": "calendar-api" }), "made for the caller, by the issuer's name"),
        (json!({ "aud": "other", "client_id": null, "azp": PLANNER }), "made for the caller, `azp` says"),
        (json!({ "aud": "calendar-web" }), "configured for anybody"),
    ] {
        let answer = scene.present(&scene.token(changes)).await;
        assert_eq!(answer.status, 200, "{why}: {answer:?}");
    }
    for (changes, reason) in [
        (json!({ "aud": "other" }), "neither meant for the caller nor made for it"),
        (json!({ "aud": "http://127.0.0.1:8080" }), "neither meant for the caller nor made for it"),
        (json!({ "aud": "other", "client_id": "calendar-web" }), "neither meant for the caller nor made for it"),
        (json!({ "aud": format!("{PLANNER}/") }), "neither meant for the caller nor made for it"),
        (json!({ "client_id": null }), "nobody says for whom it was made"),
        (json!({ "azp": PLANNER }), "names another application"),
        (json!({ "aud": null }), "missing field `aud`"),
        (json!({ "scope": null }), "missing field `scope`"),
        (json!({ "sub": "web" }), "the application itself"),
        (json!({ "sub": PLANNER }), "a workload"),
        (json!({ "act": { "sub": "mallory" } }), "acts with already"),
        (json!({ "may_act": { "sub": "spiffe://dev.procura.test/agent/other" } }), "`may_act`"),
        (json!({ "exp": now() - 61 }), "expired"),
        (json!({ "nbf": now() + 120 }), "not valid before"),
    ] {
        scene.refused(&scene.present(&scene.token(changes)).await, reason);
    }
    let other = Agent::new(&scene.world, "/agent/researcher");
    let answer = scene.service.exchange(&other, &other.delegation_by_access_token(&scene.token(json!({})))).await;
    scene.refused(&answer, "neither meant for the caller nor made for it");
}

/// DPOP-18, MTLSB-05: F08.
#[tokio::test]
async fn a_bound_token_needs_its_key_or_its_audience() {
    let scene = scene(BOTH).await;
    let own = scene.planner.key_thumbprint().to_string();
    let other = SigningKey::generate(Algorithm::Es256).unwrap().public_key().thumbprint().to_string();
    for (changes, accepted) in [
        (json!({ "aud": "other", "client_id": PLANNER, "cnf": { "jkt": own } }), true),
        (json!({ "aud": "other", "client_id": PLANNER, "cnf": { "jkt": other } }), false),
        (json!({ "aud": "other", "client_id": PLANNER, "cnf": { "x5t#S256": own } }), false),
        (json!({ "aud": "calendar-api", "cnf": { "jkt": other } }), true),
        (json!({ "aud": "calendar-api", "cnf": { "x5t#S256": other } }), true),
    ] {
        let answer = scene.present(&scene.token(changes.clone())).await;
        match accepted {
            true => assert_eq!(claims(&answer.token())["cnf"], json!({ "jkt": own }), "{changes}"),
            false => scene.refused(&answer, "bound to what was not proved"),
        }
    }
    for cnf in [json!({}), json!({ "kid": "k" }), json!({ "jkt": own, "x5t#S256": own }), json!("jkt")] {
        scene.refused(&scene.present(&scene.token(json!({ "cnf": cnf }))).await, "`cnf`");
    }
}

/// A name that configuration gives to anybody's use is nobody's audience: what is bound stays bound.
#[tokio::test]
async fn an_audience_for_anybody_does_not_unbind_a_token() {
    let scene = scene("token_kinds = [\"access_token\"]\naudiences = [\"calendar-web\"]").await;
    let other = SigningKey::generate(Algorithm::Es256).unwrap().public_key().thumbprint().to_string();
    assert_eq!(scene.present(&scene.token(json!({ "aud": "calendar-web" }))).await.status, 200);
    let bound = scene.token(json!({ "aud": "calendar-web", "cnf": { "jkt": other } }));
    scene.refused(&scene.present(&bound).await, "bound to what was not proved");
}

/// AT-03, BCP-13: F01, for issuers that do not type their access tokens.
#[tokio::test]
async fn the_mark_of_an_issuer_tells_its_untyped_access_tokens_from_its_id_tokens() {
    let scene = scene(&format!("{BOTH}access_token_mark = {{ typ = \"Bearer\" }}")).await;
    let said = |changes| scene.provider.access_claims(&scene.world, changes);
    let marked = said(json!({ "aud": "calendar-api", "client_id": null, "azp": "web", "typ": "Bearer" }));
    assert_eq!(scene.present(&scene.signed(Some("JWT"), &marked)).await.status, 200);
    let unmarked = said(json!({ "aud": "calendar-api" }));
    scene.refused(&scene.present(&scene.signed(Some("JWT"), &unmarked)).await, "of another kind");
    let of_a_login = said(json!({ "aud": "calendar-api", "typ": "Bearer", "nonce": "n" }));
    scene.refused(&scene.present(&scene.signed(None, &of_a_login)).await, "of another kind");
    let as_id_token = said(json!({ "aud": PLANNER, "typ": "Bearer" }));
    scene.refused(&scene.send(&scene.planner.delegation(&scene.signed(Some("JWT"), &as_id_token))).await, "another kind");
    let id_token = scene.id_token();
    scene.refused(&scene.present(&id_token).await, "of another kind");
    assert_eq!(scene.send(&scene.planner.delegation(&id_token)).await.status, 200);
}

/// AT-17, BCP-08.
#[tokio::test]
async fn claims_that_configuration_names_count_for_both_kinds() {
    let more = "require = { tenant = [\"a\", \"b\"], email_verified = true }\ngroups_claim = \"roles\"\nscope_claim = \"scp\"\n";
    let scene = scene(&format!("{BOTH}{more}")).await;
    let good = json!({ "tenant": "b", "email_verified": true, "roles": ["staff"], "groups": 7, "scp": ["calendar.read"] });
    assert_eq!(claims(&scene.present(&scene.token(good.clone())).await.token())["scope"], "calendar.read");
    for (name, value, reason) in [
        ("tenant", json!("c"), "claim `tenant`"),
        ("tenant", Value::Null, "claim `tenant`"),
        ("email_verified", json!("true"), "claim `email_verified`"),
        ("roles", json!("staff"), "groups"),
        ("scp", Value::Null, "missing field `scope`"),
    ] {
        let mut changes = good.clone();
        changes[name] = value;
        scene.refused(&scene.present(&scene.token(changes)).await, reason);
    }
    let mut changes = good.clone();
    changes["roles"] = json!(["guests"]);
    assert_eq!(scene.present(&scene.token(changes)).await.refusal(), (400, "invalid_target".to_owned()), "not of the staff");
    let mut id_token = scene.world.user_claims(json!({ "iss": scene.provider.url, "tenant": "a", "email_verified": true }));
    scene.refused(
        &scene
            .send(&scene.planner.delegation(&scene.signed(None, &{
                let mut other = id_token.clone();
                other["tenant"] = json!("c");
                other
            })))
            .await,
        "claim `tenant`",
    );
    // The name of its scope, where it has one, is not the access tokens'.
    (id_token["roles"], id_token["scope"]) = (json!(["staff"]), json!("calendar.read"));
    let answer = scene.send(&scene.planner.delegation(&scene.signed(None, &id_token))).await;
    assert_eq!(claims(&answer.token())["scope"], "calendar.read");
}

/// BCP-07, BCP-27: F07, F33.
#[tokio::test]
async fn two_issuers_share_neither_users_nor_keys() {
    let world = World::new();
    let (one, two) = (Provider::new().await.start().await, Provider::new().await.start().await);
    one.trusted_as(&world, "one", BOTH);
    two.trusted_as(&world, "two", BOTH);
    // Each publishes a key by the name of the other's.
    let renamed = |key: &SigningKey, like: &SigningKey| {
        let mut jwk = key.public_key().clone();
        jwk.key_id.clone_from(&like.public_key().key_id);
        jwk
    };
    two.publish(&[&renamed(&two.key, &one.key)]);
    let (service, planner) = (world.serve(), Agent::new(&world, "/agent/planner"));
    let header = json!({ "alg": "ES256", "typ": "at+jwt", "kid": one.key.public_key().key_id });
    let said = |by: &Provider| by.access_claims(&world, json!({ "aud": "calendar-api" }));
    let (ones, twos) = (sign(&one.key, &header, &said(&one)), sign(&two.key, &header, &said(&two)));
    let present = async |token: &str| service.exchange(&planner, &planner.delegation_by_access_token(token)).await;
    assert_eq!(claims(&present(&ones).await.token())["sub"], "one:alice");
    assert_eq!(claims(&present(&twos).await.token())["sub"], "two:alice");
    for forged in [sign(&two.key, &header, &said(&one)), sign(&one.key, &header, &said(&two))] {
        assert_eq!(present(&forged).await.refusal(), (400, "invalid_request".to_owned()));
    }
    // F34: an issuer's name is compared byte for byte.
    for iss in
        [format!("{}/", one.url), one.url.to_uppercase(), one.url.replace("localhost", "LOCALHOST"), format!("{}.", one.url)]
    {
        let token = sign(&one.key, &header, &one.access_claims(&world, json!({ "aud": "calendar-api", "iss": iss })));
        assert_eq!(present(&token).await.refusal(), (400, "invalid_request".to_owned()), "{iss}");
    }
}

/// BCP-01, BCP-02, BCP-04, BCP-11, BCP-18, BCP-19: F30, F31, F33.
#[tokio::test]
async fn a_header_that_chooses_its_own_rules_is_refused() {
    let scene = scene(BOTH).await;
    let (key, said) = (&scene.provider.key, scene.provider.access_claims(&scene.world, json!({ "aud": "calendar-api" })));
    let good = json!({ "alg": "ES256", "typ": "at+jwt", "kid": key.public_key().key_id });
    assert_eq!(scene.present(&sign(key, &good, &said)).await.status, 200);
    for (name, value) in [
        ("alg", json!("none")),
        ("alg", json!("noNE")),
        ("alg", json!("HS256")),
        ("alg", json!("RS256")),
        ("alg", json!("ES384")),
        ("alg", json!("es256")),
        ("crit", json!(["exp"])),
        ("crit", json!([])),
        ("b64", json!(false)),
        ("jku", json!(format!("{}/keys", scene.provider.url))),
        ("x5u", json!("https://127.0.0.1/")),
        ("x5c", json!([])),
        ("jwk", serde_json::to_value(key.public_key()).unwrap()),
        ("zip", json!("DEF")),
        ("kid", json!("../../keys")),
        ("kid", json!("' OR 1=1 --")),
        ("kid", json!("k".repeat(257))),
        ("kid", Value::Null),
    ] {
        let mut header = good.clone();
        header[name] = value.clone();
        scene.refused(&scene.present(&sign(key, &header, &said)).await, "");
    }
    let twice = |part: &str| procura_token::base64url::encode(part);
    let header = twice(&good.to_string());
    let claims = twice(&said.to_string().replacen('{', "{\"sub\":\"bob\",", 1));
    let input = format!("{header}.{claims}");
    let signature = procura_token::base64url::encode(key.sign(input.as_bytes()).unwrap());
    scene.refused(&scene.present(&format!("{input}.{signature}")).await, "duplicate member");
}
