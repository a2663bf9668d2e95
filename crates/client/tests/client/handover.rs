//! Biscuits in an agent's hands.

use procura_client::{
    AgentKey, Biscuit, ExchangeRequest, HandOverError, HeldWit, Narrowing, ParseError, Resource, TokenType, UnixTime,
    judge_exchange,
};
use procura_handover::NewHandover;
use procura_token::{
    AccessToken, Actor, ActorChain, Algorithm, Authentication, Delegation, JwkConfirmation, NewWit, Signer as _, SigningKey,
};
use serde_json::json;

const NOW: UnixTime = UnixTime::from_secs(1_770_000_000);
const END: UnixTime = UnixTime::from_secs(1_770_000_600);
const PLANNER: &str = "spiffe://dev.procura.test/agent/planner";
const TARGET: &str = "https://api.example/calendar";

fn key() -> SigningKey {
    SigningKey::generate(Algorithm::Es256).unwrap()
}

fn agent_key(key: &SigningKey) -> AgentKey {
    AgentKey::parse(&key.to_private_jwk().unwrap()).unwrap()
}

fn biscuit(holder: &SigningKey) -> Biscuit {
    let token = AccessToken {
        iss: "https://sts.example".parse().unwrap(),
        sub: "dev:alice".parse().unwrap(),
        aud: TARGET.parse().unwrap(),
        client_id: PLANNER.parse().unwrap(),
        iat: NOW,
        exp: END,
        jti: "token-1".parse().unwrap(),
        scope: "calendar.read calendar.write".parse().unwrap(),
        act: Some(ActorChain::new(Actor { id: PLANNER.parse().unwrap(), profile: None })),
        cnf: holder.public_key().thumbprint().into(),
        delegation: Some(Delegation { id: "delegation-1".parse().unwrap(), until: END, parent: None }),
        authentication: Authentication::default(),
        authorization_details: None,
        groups: Some(Vec::new()),
    };
    let text =
        NewHandover { token: &token, holder: holder.public_key() }.issue(&SigningKey::generate(Algorithm::Ed25519).unwrap());
    Biscuit::parse(&text.unwrap()).unwrap()
}

fn wit(holder: &SigningKey) -> HeldWit {
    let cnf = JwkConfirmation::try_from(holder.public_key().for_algorithm(Algorithm::Es256)).unwrap();
    let (iss, sub) = ("spiffe://dev.procura.test/sts".to_owned(), "spiffe://dev.procura.test/agent/researcher".parse().unwrap());
    let wit = NewWit { iss, sub: &sub, iat: NOW, exp: END, jti: "wit-1".parse().unwrap(), cnf: &cnf };
    HeldWit::parse(&wit.issue(&key()).unwrap()).unwrap()
}

#[test]
fn what_is_handed_over_is_less_and_for_its_new_holder() {
    let (planner, researcher) = (key(), key());
    let narrowing = Narrowing { scope: Some("calendar.read".parse().unwrap()), until: Some(UnixTime::from_secs(1_770_000_060)) };
    let held = biscuit(&planner);
    let handed = held.hand_over(&agent_key(&planner), &wit(&researcher), &narrowing).unwrap();
    assert_eq!((handed.scope().to_string(), handed.expires()), ("calendar.read".to_owned(), UnixTime::from_secs(1_770_000_060)));
    assert_eq!((held.scope().to_string(), held.expires()), ("calendar.read calendar.write".to_owned(), END));
    let again = |key: &SigningKey, narrowing: &Narrowing| handed.hand_over(&agent_key(key), &wit(&planner), narrowing).map(drop);
    assert_eq!(again(&planner, &Narrowing::default()), Err(HandOverError::Holder));
    let wider = Narrowing { scope: Some("calendar.write".parse().unwrap()), until: None };
    assert_eq!(again(&researcher, &wider), Err(HandOverError::Wider));
    assert_eq!(again(&researcher, &Narrowing::default()), Ok(()));
}

#[test]
fn it_is_redeemed_for_the_target_it_names() {
    let held = biscuit(&key());
    let shown = format!("{held:?}");
    assert!(!shown.contains(held.text().expose()), "{shown}");
    let request = held.redeem();
    let resource: Resource = TARGET.parse().unwrap();
    assert_eq!(request.target(), Some(&resource.into()));
    let expected = request.expectations(agent_key(&key()).thumbprint(), NOW);
    assert_eq!(expected.issued_token_type, TokenType::AccessToken);
    assert!(matches!(Biscuit::parse("a.b.c"), Err(ParseError::Base64url)));
}

#[test]
fn an_answer_with_a_biscuit_says_which_key_it_is_bound_to() {
    let (ours, other) = (agent_key(&key()), agent_key(&key()));
    let resource: Resource = TARGET.parse().unwrap();
    let request = ExchangeRequest::delegation("id-token", TokenType::IdToken, resource).as_biscuit();
    let judge = |token_type: &str, key: Option<&AgentKey>| {
        let answer = json!({
            "access_token": "AAAA", "token_type": token_type, "issued_token_type": "urn:procura:token-type:biscuit",
            "expires_in": 600, "cnf": key.map(|key| json!({ "jkt": key.thumbprint() })),
        });
        let response =
            http::Response::builder().header("content-type", "application/json").body(answer.to_string().into()).unwrap();
        judge_exchange(&response, &request.expectations(ours.thumbprint(), NOW))
    };
    assert!(judge("N_A", Some(&ours)).is_ok());
    assert!(judge("N_A", Some(&other)).is_err() && judge("N_A", None).is_err() && judge("DPoP", Some(&ours)).is_err());
}
