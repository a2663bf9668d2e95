//! A WPT is good once.

use super::*;

/// WPT-24: per sender.
#[tokio::test]
async fn a_wpt_works_once_and_its_name_is_its_senders() {
    let world = World::new();
    let guard = guard(&world);
    let wit = world.wit();
    let jti: TokenId = "same".parse().unwrap();
    let first = parts(wpt_request(&wit, &Wpt { jti: jti.clone(), ..Wpt::of(&wit) }.sign(&world.agent_key)));
    guard.verify(&first, NOW).await.unwrap();
    for now in [NOW, NOW + Duration::from_secs(59)] {
        let refusal = guard.verify(&first, now).await.unwrap_err();
        assert!(matches!(refusal.cause(), Cause::WptReplayed));
        assert_eq!((refusal.status().as_u16(), refusal.error()), WPT);
    }
    let again = parts(wpt_request(&wit, &Wpt { jti: jti.clone(), ..Wpt::of(&wit) }.sign(&world.agent_key)));
    assert_eq!(told(guard.verify(&again, NOW).await).1, "invalid_wpt");
    let other_key = new_key();
    let other_wit = world.wit_of("spiffe://dev.procura.test/agent/researcher", &other_key);
    let other = parts(wpt_request(&other_wit, &Wpt { jti, ..Wpt::of(&other_wit) }.sign(&other_key)));
    guard.verify(&other, NOW).await.unwrap();
}

/// Two kinds of proofs by one key may have one name.
#[tokio::test]
async fn a_wpt_does_not_burn_the_dpop_proof_of_the_same_name() {
    let world = World::new();
    let guard = guard(&world);
    let token = world.token();
    let proof = Proof::for_token(&token).sign(&world.agent_key);
    let claims: serde_json::Value =
        serde_json::from_slice(&procura_token::base64url::decode(proof.split('.').nth(1).unwrap()).unwrap()).unwrap();
    let wit = world.wit();
    let jti = claims["jti"].as_str().unwrap().parse().unwrap();
    guard.verify(&parts(wpt_request(&wit, &Wpt { jti, ..Wpt::of(&wit) }.sign(&world.agent_key))), NOW).await.unwrap();
    guard.verify(&world.request_with(&token, &proof), NOW).await.unwrap();
}

#[tokio::test]
async fn an_invalid_request_does_not_use_up_its_wpt() {
    let world = World::new();
    let guard = guard(&world);
    let request = delegated(&world, &world.token());
    let mut stripped = request.clone();
    stripped.headers.remove(DELEGATION);
    guard.verify(&stripped, NOW).await.unwrap_err();
    guard.verify(&request, NOW).await.unwrap();
}

/// F23.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn of_a_hundred_concurrent_copies_one_succeeds() {
    let world = World::new();
    let guard = guard(&world);
    let request = Arc::new(request(&world));
    let copies: Vec<_> = (0..100)
        .map(|_| {
            let (guard, request) = (guard.clone(), Arc::clone(&request));
            tokio::spawn(async move { guard.verify(&request, NOW).await.is_ok() })
        })
        .collect();
    let mut successes = 0;
    for copy in copies {
        successes += usize::from(copy.await.unwrap());
    }
    assert_eq!(successes, 1);
}

#[tokio::test]
async fn a_store_that_forgot_refuses_what_could_be_old() {
    let world = World::new();
    let guard = world.workloads().replay_store(MemoryReplayStore::new(10).beginning(NOW)).build().unwrap();
    let (status, error, _) = told(guard.verify(&request(&world), NOW).await);
    assert_eq!((status, error), WPT);
    let wit = world.wit();
    let later = NOW + Duration::from_secs(31);
    let wpt = Wpt { iat: later, exp: later + Duration::from_secs(60), ..Wpt::of(&wit) };
    guard.verify(&parts(wpt_request(&wit, &wpt.sign(&world.agent_key))), later).await.unwrap();
}
