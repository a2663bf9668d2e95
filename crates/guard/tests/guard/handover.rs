//! Delegations that were handed over where no server saw it.

use std::time::Duration;

use procura_guard::{Algorithm, Guard, Keys, SigningKey};
use procura_handover::{HandOver, NewHandover, UnverifiedHandover};
use procura_token::{AccessToken, JwkSet, Signer as _};

use crate::world::{NOW, PLANNER, Proof, World, new_key, parts, told, wpt_request};

const RESEARCHER: &str = "spiffe://dev.procura.test/agent/researcher";

struct Scene {
    world: World,
    root: SigningKey,
    researcher: SigningKey,
}

impl Scene {
    fn new() -> Self {
        Self { world: World::new(), root: SigningKey::generate(Algorithm::Ed25519).unwrap(), researcher: new_key() }
    }

    fn guard(&self) -> Guard {
        let keys = Keys::fixed(&JwkSet { keys: vec![self.root.public_key().for_use("sig")] });
        self.world.workloads().handovers(keys).build().unwrap()
    }

    fn issue(&self, token: &AccessToken) -> String {
        NewHandover { token, holder: self.world.agent_key.public_key() }.issue(&self.root).unwrap()
    }

    /// The planner's, in the researcher's hands.
    fn handed_over(&self, wit: &str) -> String {
        let biscuit = UnverifiedHandover::parse(&self.issue(&self.world.claims())).unwrap();
        let to = HandOver { wit, scope: None, until: Some(NOW + Duration::from_secs(300)) };
        biscuit.hand_over(&self.world.agent_key, &to).unwrap()
    }

    fn wit(&self) -> String {
        self.world.wit_of(RESEARCHER, &self.researcher)
    }

    async fn told(&self, guard: &Guard, biscuit: &str, key: &SigningKey) -> (u16, &'static str) {
        let request = self.world.request_with(biscuit, &Proof::for_token(biscuit).sign(key));
        let (status, error, _) = told(guard.verify(&request, NOW).await);
        (status, error)
    }
}

#[tokio::test]
async fn its_last_holder_is_the_caller_and_everybody_is_named() {
    let scene = Scene::new();
    let biscuit = scene.handed_over(&scene.wit());
    let request = scene.world.request_with(&biscuit, &Proof::for_token(&biscuit).sign(&scene.researcher));
    let caller = scene.guard().verify(&request, NOW).await.unwrap();
    let grant = caller.require(&"calendar.read".parse().unwrap()).unwrap();
    assert_eq!(caller.workload.as_str(), RESEARCHER);
    assert_eq!((grant.subject().as_str(), grant.expires()), ("dev:alice", NOW + Duration::from_secs(300)));
    let actors: Vec<_> = grant.actors().unwrap().iter().map(|actor| actor.id.as_str()).collect();
    assert_eq!(actors, [RESEARCHER, PLANNER]);
    assert_eq!(grant.delegation().unwrap().id.as_str(), "delegation-1");
    assert!(caller.require(&"calendar.write".parse().unwrap()).is_err());
}

#[tokio::test]
async fn only_the_key_of_the_last_holder_proves_it() {
    let scene = Scene::new();
    let (guard, biscuit) = (scene.guard(), scene.handed_over(&scene.wit()));
    for thief in [&scene.world.agent_key, &new_key()] {
        assert_eq!(scene.told(&guard, &biscuit, thief).await, (401, "invalid_dpop_proof"));
    }
    let other = scene.issue(&scene.world.claims());
    let request = scene.world.request_with(&biscuit, &Proof::for_token(&other).sign(&scene.researcher));
    assert_eq!(told(guard.verify(&request, NOW).await).1, "invalid_dpop_proof");
}

#[tokio::test]
async fn holders_whom_nobody_vouches_for_and_other_targets_are_refused() {
    let scene = Scene::new();
    let guard = scene.guard();
    let token = (401, "invalid_token");
    let stranger = World::new().wit_of(RESEARCHER, &scene.researcher);
    assert_eq!(scene.told(&guard, &scene.handed_over(&stranger), &scene.researcher).await, token);
    let elsewhere = scene.world.wit_of("spiffe://other.test/agent/x", &scene.researcher);
    assert_eq!(scene.told(&guard, &scene.handed_over(&elsewhere), &scene.researcher).await, token);
    let over = scene.world.wit_until(RESEARCHER, &scene.researcher, NOW - Duration::from_secs(61));
    assert_eq!(scene.told(&guard, &scene.handed_over(&over), &scene.researcher).await, token);
    let key = &scene.world.agent_key;
    let claims = AccessToken { aud: "https://api.example/mail".parse().unwrap(), ..scene.world.claims() };
    assert_eq!(scene.told(&guard, &scene.issue(&claims), key).await, token);
    let claims = AccessToken { iss: "https://other.example".parse().unwrap(), ..scene.world.claims() };
    assert_eq!(scene.told(&guard, &scene.issue(&claims), key).await, token);
    let impostor = Scene { root: SigningKey::generate(Algorithm::Ed25519).unwrap(), ..Scene::new() };
    let forged = NewHandover { token: &scene.world.claims(), holder: key.public_key() }.issue(&impostor.root).unwrap();
    assert_eq!(scene.told(&guard, &forged, key).await, token);
    // The good ones pass still.
    let good = scene.issue(&scene.world.claims());
    let request = scene.world.request_with(&good, &Proof::for_token(&good).sign(key));
    assert!(guard.verify(&request, NOW).await.is_ok());
    assert!(guard.verify(&scene.world.request(), NOW).await.is_ok());
}

#[tokio::test]
async fn a_guard_takes_no_biscuit_unless_told_to() {
    let scene = Scene::new();
    let biscuit = scene.handed_over(&scene.wit());
    assert_eq!(scene.told(&scene.world.guard(), &biscuit, &scene.researcher).await, (401, "invalid_token"));
    let keys = Keys::fixed(&JwkSet { keys: vec![scene.root.public_key().clone()] });
    assert!(scene.world.builder().handovers(keys).build().is_err(), "no trust domain could vouch for a holder");
}

#[tokio::test]
async fn beside_a_wpt_it_is_taken_too() {
    let scene = Scene::new();
    let (wit, biscuit) = (scene.wit(), scene.handed_over(&scene.wit()));
    let others = [(crate::world::DELEGATION, biscuit.as_str())];
    let wpt = crate::world::Wpt { others: &others, ..crate::world::Wpt::of(&wit) }.sign(&scene.researcher);
    let request = parts(wpt_request(&wit, &wpt).header(crate::world::DELEGATION, &biscuit));
    let caller = scene.guard().verify(&request, NOW).await.unwrap();
    assert_eq!(caller.grant.unwrap().actors().unwrap().len(), 2);
}
