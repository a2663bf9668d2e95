//! The WIT beside a WPT: whose it must be, and by whose key.

use super::*;

/// WIT-14, WIT-18, WIT-21, WIT-34 to WIT-38, WPT-14: the WIT is judged first.
#[tokio::test]
async fn a_wit_that_is_not_believed_is_refused_whatever_its_proof() {
    let world = World::new();
    let forger =
        World { agent_key: SigningKey::from_jwk(world.agent_key.to_private_jwk().unwrap().as_bytes()).unwrap(), ..World::new() };
    let forged = forger.wit();
    let expired = world.wit_until(PLANNER, &world.agent_key, NOW - Duration::from_secs(60));
    let good = world.wit();
    let mut damaged = good.clone();
    damaged.pop();
    let token = world.token();
    for wit in [forged.as_str(), &expired, &damaged, &token, "a.b", "a.b.c", "a.b.c.d"] {
        let (status, error, cause) = say(&world, wit, &Wpt::of(wit).sign(&world.agent_key)).await;
        assert_eq!((status, error), WIT, "{cause}");
        // Even if the proof is no proof at all, it is the WIT that is at fault.
        assert_eq!(say(&world, wit, "x").await.1, "invalid_wit");
    }
}

/// WIT-04, WIT-07, WIT-48, F17: each domain's keys speak for its own names.
#[tokio::test]
async fn keys_of_one_trust_domain_do_not_count_for_another() {
    let world = World::new();
    let other = World::new();
    let of_both = world.workloads().trust_domain(&"other.test".parse().unwrap(), other.bundle()).build().unwrap();
    for id in ["spiffe://other.test/agent/planner", "wimse://dev.procura.test/agent/planner", "spiffe://third.test/agent/planner"]
    {
        let wit = world.wit_of(id, &world.agent_key);
        let request = parts(wpt_request(&wit, &Wpt::of(&wit).sign(&world.agent_key)));
        let (status, error, cause) = told(of_both.verify(&request, NOW).await);
        assert_eq!((status, error), WIT, "{id}: {cause}");
    }
}

/// WSVID-25.
#[tokio::test]
async fn a_key_of_another_use_signs_no_wit() {
    let world = World::new();
    for public_key_use in ["jwt-svid", "sig", "x509-svid"] {
        let key = world.domain_key.public_key().for_use(public_key_use);
        let bundle = procura_guard::Bundle::fixed(&JwkSet { keys: vec![key] });
        let builder = world.builder().trust_domain(&"dev.procura.test".parse().unwrap(), bundle).workload_proof_tokens();
        let (status, error, _) = told(builder.build().unwrap().verify(&request(&world), NOW).await);
        assert_eq!((status, error), WIT, "{public_key_use}");
    }
}

#[tokio::test]
async fn a_wimse_domain_is_another_namespace_with_its_own_keys() {
    let world = World::new();
    let keys = Keys::fixed(&JwkSet { keys: vec![world.domain_key.public_key().clone()] });
    let builder = world.builder().wimse_trust_domain(&"dev.procura.test".parse().unwrap(), keys).workload_proof_tokens();
    let guard = builder.build().unwrap();
    let wit = world.wit_of("wimse://dev.procura.test/agent/planner", &world.agent_key);
    let caller = guard.verify(&parts(wpt_request(&wit, &Wpt::of(&wit).sign(&world.agent_key))), NOW).await.unwrap();
    assert_eq!(caller.workload.as_str(), "wimse://dev.procura.test/agent/planner");
    assert_eq!(told(guard.verify(&request(&world), NOW).await).1, "invalid_wit");
}

/// WIT-28.
#[tokio::test]
async fn two_wits_or_none_are_refused() {
    let world = World::new();
    let mut twice = request(&world);
    twice.headers.append("workload-identity-token", twice.headers["workload-identity-token"].clone());
    let mut none = request(&world);
    none.headers.remove("workload-identity-token");
    for request in [twice, none] {
        let (status, error, _) = told(guard(&world).verify(&request, NOW).await);
        assert_eq!((status, error), WIT);
    }
}

#[tokio::test]
async fn a_wit_seen_before_still_expires() {
    let world = World::new();
    let guard = guard(&world);
    let wit = world.wit_until(PLANNER, &world.agent_key, NOW + Duration::from_secs(100));
    for (seconds, is_good) in [(0, true), (159, true), (160, false)] {
        let now = NOW + Duration::from_secs(seconds);
        let wpt = Wpt { iat: now, exp: now + Duration::from_secs(60), ..Wpt::of(&wit) }.sign(&world.agent_key);
        assert_eq!(guard.verify(&parts(wpt_request(&wit, &wpt)), now).await.is_ok(), is_good, "{seconds}");
    }
}
