//! Callers that prove a key: a WIT with a WPT or a signature, and what their tokens are bound to.

use http::{HeaderMap, HeaderName, HeaderValue};
use procura_token::{
    Algorithm, JwkSet, KeySet, NewRequestSignature, NewWpt, RequestHead, ResponseHead, ResponseSignatureRules, SigningKey,
    TokenId, UnixTime, Unverified, UnverifiedResponseSignature, Wit, random_bytes,
};
use serde_json::json;
use tokio::task::JoinSet;

use crate::support::{Agent, Answer, Form, ISSUER, JWT, Service, World, claims, now};

const PLANNER: &str = "/agent/planner";

/// An agent with a WIT for its key, in a world whose service runs.
struct Holder {
    world: World,
    service: Service,
    agent: Agent,
    wit: String,
}

impl Holder {
    async fn new() -> Self {
        Self::of(World::new()).await
    }

    async fn of(world: World) -> Self {
        let (service, agent) = (world.serve(), Agent::new(&world, PLANNER));
        let wit = service.exchange(&agent, &agent.wit(&world.svid(PLANNER, 600))).await.token();
        Self { world, service, agent, wit }
    }

    /// Asks to act for alice, with nothing that says who asks.
    fn form(&self) -> Form {
        let form = self.agent.delegation(&self.world.user_token(json!({})));
        form.without("client_assertion").without("client_assertion_type")
    }

    fn wpt(&self) -> String {
        self.wpt_by(&self.agent.key, TokenId::from_random(random_bytes()))
    }

    fn wpt_by(&self, key: &SigningKey, jti: TokenId) -> String {
        let iat = UnixTime::from_secs(now());
        let wpt = NewWpt {
            audience: &format!("{ISSUER}/token").parse().unwrap(),
            iat,
            exp: iat + std::time::Duration::from_secs(60),
            jti,
            wit: &self.wit,
            transaction_token: None,
            other_tokens: &[],
            access_token: None,
        };
        wpt.sign(key).unwrap()
    }

    /// The header fields that a WPT is sent with.
    fn with_wpt(&self, wpt: &str) -> Vec<(&'static str, String)> {
        vec![("workload-identity-token", self.wit.clone()), ("authorization", format!("WPT {wpt}"))]
    }

    /// The header fields of a signed request, and its nonce.
    fn signed(&self, form: &Form, sign_response: bool) -> (HeaderMap, TokenId) {
        let nonce = TokenId::from_random(random_bytes());
        let created = UnixTime::from_secs(now());
        let mut headers = HeaderMap::new();
        headers.insert("content-type", HeaderValue::from_static("application/x-www-form-urlencoded"));
        headers.insert("workload-identity-token", self.wit.parse().unwrap());
        let signature = NewRequestSignature {
            audience: &format!("{ISSUER}/token").parse().unwrap(),
            created,
            expires: created + std::time::Duration::from_secs(60),
            nonce: &nonce,
            sign_response,
        };
        let head = RequestHead { method: "POST", target: "/token", headers: &headers };
        let fields = signature.sign(&self.agent.key, &head, form.encode().as_bytes()).unwrap();
        fields.insert_into(&mut headers);
        (headers, nonce)
    }

    async fn post(&self, form: &Form, headers: &[(&'static str, String)]) -> Answer {
        let mut fields = HeaderMap::new();
        fields.insert("content-type", HeaderValue::from_static("application/x-www-form-urlencoded"));
        for (name, value) in headers {
            fields.append(HeaderName::from_static(name), value.parse().unwrap());
        }
        self.post_signed(form, fields).await
    }

    async fn post_signed(&self, form: &Form, headers: HeaderMap) -> Answer {
        Answer::of(self.service.request("POST", "/token").headers(headers).body(form.encode())).await
    }
}

fn unauthenticated() -> (u16, String) {
    (401, "invalid_client".to_owned())
}

#[tokio::test]
async fn a_caller_with_a_wpt_needs_nothing_else_and_gets_a_token_bound_to_the_wits_key() {
    let holder = Holder::new().await;
    let answer = holder.post(&holder.form(), &holder.with_wpt(&holder.wpt())).await;
    let token = claims(&answer.token());
    assert_eq!(answer.json()["token_type"], "DPoP");
    assert_eq!(token["cnf"], json!({ "jkt": holder.agent.key_thumbprint() }));
    // Bound to the WIT's key, it ends with the WIT.
    assert_eq!(token["exp"], claims(&holder.wit)["exp"]);
    let event = holder.world.audit().pop().unwrap();
    assert_eq!((&event["caller.credential"], &event["caller.proof"]), (&json!("wit"), &json!("wpt")));
    assert_eq!(event["caller.id"], "spiffe://dev.procura.test/agent/planner");
}

#[tokio::test]
async fn a_wpt_is_good_once_for_its_wit_only_and_beside_nothing_else() {
    let holder = Holder::new().await;
    let (form, wpt) = (holder.form(), holder.wpt());
    assert_eq!(holder.post(&form, &holder.with_wpt(&wpt)).await.status, 200);
    let again = holder.post(&form, &holder.with_wpt(&wpt)).await;
    assert_eq!((again.refusal(), again.header("www-authenticate")), (unauthenticated(), Some("WPT")));

    let thief = SigningKey::generate(Algorithm::Es256).unwrap();
    let stolen = holder.wpt_by(&thief, TokenId::from_random(random_bytes()));
    assert_eq!(holder.post(&form, &holder.with_wpt(&stolen)).await.refusal(), unauthenticated());
    // The WIT without a proof, the proof without the WIT, the WIT where no WIT belongs.
    let [wit, authorization] = <[_; 2]>::try_from(holder.with_wpt(&holder.wpt())).unwrap();
    let bearer = ("authorization", format!("Bearer {}", holder.wit));
    for fields in [vec![wit.clone()], vec![authorization.clone()], vec![bearer]] {
        assert_eq!(holder.post(&form, &fields).await.refusal(), unauthenticated(), "{fields:?}");
    }
    // Twice, or beside another way to authenticate.
    let two = vec![wit.clone(), wit.clone(), authorization.clone()];
    assert_eq!(holder.post(&form, &two).await.refusal(), unauthenticated());
    let two = vec![wit.clone(), authorization.clone(), ("authorization", "Bearer x".to_owned())];
    assert_eq!(holder.post(&form, &two).await.refusal(), unauthenticated());
    let both = holder.agent.delegation(&holder.world.user_token(json!({})));
    assert_eq!(holder.post(&both, &[wit, authorization]).await.refusal(), unauthenticated());
}

#[tokio::test]
async fn the_field_of_older_drafts_is_refused_unless_configured() {
    let holder = Holder::new().await;
    let legacy = |holder: &Holder| vec![("workload-identity-token", holder.wit.clone()), ("workload-proof-token", holder.wpt())];
    assert_eq!(holder.post(&holder.form(), &legacy(&holder)).await.refusal(), unauthenticated());
    drop(holder);

    let world = World::new();
    world.edit("[audit]", "[wpt]\naccept_legacy_field = true\n\n[audit]");
    let holder = Holder::of(world).await;
    assert_eq!(holder.post(&holder.form(), &legacy(&holder)).await.status, 200);
    let mut both = legacy(&holder);
    both.push(("authorization", format!("WPT {}", holder.wpt())));
    assert_eq!(holder.post(&holder.form(), &both).await.refusal(), unauthenticated());
}

#[tokio::test]
async fn a_dpop_proof_beside_a_wpt_must_be_by_the_wits_key() {
    let holder = Holder::new().await;
    let nonce = holder.service.nonce(&holder.agent, &holder.agent.delegation(&holder.world.user_token(json!({})))).await;
    let mut fields = holder.with_wpt(&holder.wpt());
    fields.push(("dpop", holder.agent.proof(Some(&nonce))));
    assert_eq!(holder.post(&holder.form(), &fields).await.status, 200);

    let other = Agent::new(&holder.world, PLANNER);
    let mut fields = holder.with_wpt(&holder.wpt());
    fields.push(("dpop", other.proof(Some(&nonce))));
    assert_eq!(holder.post(&holder.form(), &fields).await.refusal(), (400, "invalid_dpop_proof".to_owned()));
}

#[tokio::test]
async fn a_wpt_caller_renews_its_wit() {
    let holder = Holder::new().await;
    let form = holder.agent.wit(&holder.wit).without("client_assertion").without("client_assertion_type");
    let renewed = claims(&holder.post(&form, &holder.with_wpt(&holder.wpt())).await.token());
    assert_eq!(renewed["cnf"], claims(&holder.wit)["cnf"]);
}

#[tokio::test]
async fn a_key_that_one_workload_has_a_wit_for_is_no_other_workloads() {
    let holder = Holder::new().await;
    let other = Agent { key: holder.agent.key, svid: holder.world.svid("/agent/researcher", 600) };
    let form = other.wit(&holder.world.svid("/agent/researcher", 600));
    assert_eq!(holder.service.exchange(&other, &form).await.refusal(), (400, "invalid_dpop_proof".to_owned()));
}

#[tokio::test]
async fn a_signed_request_gets_a_signed_answer_from_the_service() {
    let holder = Holder::new().await;
    let form = holder.form();
    let (headers, nonce) = holder.signed(&form, true);
    let answer = holder.post_signed(&form, headers.clone()).await;
    assert_eq!(claims(&answer.token())["cnf"], json!({ "jkt": holder.agent.key_thumbprint() }));

    let bundle = holder.service.get("/spiffe/bundle").await.text;
    let keys = KeySet::new(&JwkSet::parse(bundle.as_bytes()).unwrap(), &[Some("wit-svid")]);
    let at = UnixTime::from_secs(now());
    let text = answer.header("workload-identity-token").unwrap();
    let wit = Unverified::<Wit>::parse(text).unwrap().verify(&keys, std::time::Duration::ZERO, at).unwrap();
    assert_eq!(wit.id().as_str(), "spiffe://dev.procura.test/token-service");
    let request = RequestHead { method: "POST", target: "/token", headers: &headers };
    let response = ResponseHead { status: answer.status, headers: &answer.headers };
    let rules = ResponseSignatureRules {
        wit: text,
        confirmation: wit.confirmation(),
        request_nonce: &nonce,
        algorithms: &[Algorithm::Es256],
    };
    let signature = UnverifiedResponseSignature::parse(&response, &request).unwrap().unwrap();
    signature.verify(&rules, at).unwrap().with_body(answer.text.as_bytes()).unwrap();
}

#[tokio::test]
async fn a_signature_is_good_once_and_for_the_request_it_is_over() {
    let holder = Holder::new().await;
    let form = holder.form();
    let (headers, _) = holder.signed(&form, false);
    assert_eq!(holder.post_signed(&form, headers.clone()).await.status, 200);
    assert_eq!(holder.post_signed(&form, headers).await.refusal(), unauthenticated());

    let (headers, _) = holder.signed(&form, false);
    let other = form.clone().add("scope", "calendar.write");
    assert_eq!(holder.post_signed(&other, headers.clone()).await.refusal(), unauthenticated());
    let mut beside = headers.clone();
    beside.insert("authorization", holder.with_wpt(&holder.wpt())[1].1.parse().unwrap());
    assert_eq!(holder.post_signed(&form, beside).await.refusal(), unauthenticated());
    // None of that used it up.
    assert_eq!(holder.post_signed(&form, headers).await.status, 200);
}

#[tokio::test]
async fn a_signed_answer_that_nobody_can_sign_is_an_error_and_uses_nothing_up() {
    let holder = Holder::new().await;
    let Holder { world, service, agent, wit } = holder;
    drop(service);
    // The same keys, but no trust domain of ours any more.
    world.edit("issue_wit = true", "issue_wit = false");
    let bundle = std::fs::read_to_string(world.path("trust/bundle.json")).unwrap();
    let mut bundle: serde_json::Value = serde_json::from_str(&bundle).unwrap();
    let mut key = serde_json::to_value(procura_token::Signer::public_key(&world.key("keys/wit.jwk"))).unwrap();
    key["use"] = json!("wit-svid");
    bundle["keys"].as_array_mut().unwrap().push(key);
    std::fs::write(world.path("trust/bundle.json"), bundle.to_string()).unwrap();
    let holder = Holder { service: world.serve(), world, agent, wit };
    let form = holder.form();
    let (headers, _) = holder.signed(&form, true);
    assert_eq!(holder.post_signed(&form, headers).await.refusal(), (400, "invalid_request".to_owned()));
    // The memory of the new process begins in this second: what is signed in the next is newer for sure.
    let began = now();
    while now() == began {
        tokio::task::yield_now().await;
    }
    let (headers, _) = holder.signed(&form, false);
    let answer = holder.post_signed(&form, headers).await;
    assert_eq!((answer.status, answer.header("signature")), (200, None));
}

#[tokio::test]
async fn of_many_copies_of_one_wpt_or_signature_one_succeeds() {
    let holder = Holder::new().await;
    let form = holder.form();
    let mut wpt = HeaderMap::new();
    for (name, value) in holder.with_wpt(&holder.wpt()) {
        wpt.insert(HeaderName::from_static(name), value.parse().unwrap());
    }
    wpt.insert("content-type", HeaderValue::from_static("application/x-www-form-urlencoded"));
    for headers in [wpt, holder.signed(&form, false).0] {
        let copy = || holder.service.request("POST", "/token").headers(headers.clone()).body(form.encode());
        let copies: JoinSet<Answer> = (0..100).map(|_| Answer::of(copy())).collect();
        let answers = copies.join_all().await;
        assert_eq!(answers.iter().filter(|answer| answer.status == 200).count(), 1);
        assert!(answers.iter().all(|answer| answer.status == 200 || answer.refusal() == unauthenticated()));
    }
}

#[tokio::test]
async fn a_wit_of_the_caller_may_be_named_as_actor_beside_its_proof() {
    let holder = Holder::new().await;
    let form = holder.form().add("actor_token", &holder.wit).add("actor_token_type", JWT);
    assert_eq!(holder.post(&form, &holder.with_wpt(&holder.wpt())).await.status, 200);
}

#[tokio::test]
async fn nobody_else_has_the_name_of_the_service() {
    let world = World::new();
    world.edit("\"/agent/*\"", "\"/agent/*\", \"/token-service\"");
    let (service, other) = (world.serve(), Agent::new(&world, "/token-service"));
    let form = other.delegation(&world.user_token(json!({})));
    assert_eq!(service.exchange(&other, &form).await.refusal(), unauthenticated());
}
