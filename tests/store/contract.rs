//! The promises, each a function over two copies of the service that share a store.

use std::pin::Pin;
use std::time::Duration;

use procura::store::{Claim, ClaimError, HeldKind, UseKind};
use procura_token::sha256;

use crate::support::{
    Copies, MINUTE, NOW, Node, ORIGIN, assert_replayed, delegation as begins, held, holding, named, one_use, proof, record,
    since, uses,
};

pub(crate) type Case = fn(Copies) -> Pin<Box<dyn Future<Output = ()> + Send>>;

macro_rules! cases {
    ($($case:ident)*) => {
        pub(crate) const CASES: &[(&str, crate::contract::Case)] =
            &[$((stringify!($case), |copies| Box::pin($case(copies)))),*];
    };
}

mod delegation;

/// Asks `one` and `other` to keep every promise, each time with nothing claimed yet.
pub(crate) async fn is_kept_by(one: &Node, other: &Node) {
    is_kept_among(|case| (one.anew(case), other.anew(case))).await;
}

/// Asks for every promise of the copies that `copies` makes for it.
pub(crate) async fn is_kept_among(copies: impl Fn(&str) -> Copies) {
    for (name, case) in CASES.iter().chain(delegation::CASES) {
        // Seen only if the case fails.
        println!("{name}");
        case(copies(name)).await;
    }
}

cases! {
    a_second_use_is_replayed
    the_same_key_of_another_kind_is_new
    another_key_is_new
    every_use_of_a_claim_must_be_new
    a_claim_that_names_a_use_twice_is_replayed
    of_a_thousand_claims_at_once_one_succeeds
    a_use_past_its_time_is_refused_and_not_remembered
    a_use_at_its_last_instant_is_remembered
    a_claim_of_nothing_is_granted
    a_store_that_serves_is_ready
    a_refused_claim_uses_up_nothing
    a_key_belongs_to_one_holder
    of_many_holders_of_a_key_at_once_one_wins
    a_holder_prolongs_and_never_shortens
    a_replay_gives_no_key_away
    an_identifier_belongs_to_one_holder_and_is_no_key
    of_several_that_are_held_none_is_given_away_if_one_is_anothers
    everything_may_be_claimed_at_once
    another_epoch_is_over
    a_use_without_nonce_is_refused_if_it_may_be_older_than_the_memory
    all_copies_know_the_same_epoch
}

async fn a_second_use_is_replayed((one, other): Copies) {
    one.claim(&proof("a"), NOW).await.unwrap();
    for store in [one, other] {
        assert_replayed(store.claim(&proof("a"), NOW).await, UseKind::DpopProof);
    }
}

async fn the_same_key_of_another_kind_is_new((one, other): Copies) {
    one.claim(&proof("a"), NOW).await.unwrap();
    other.claim(&uses(&[(UseKind::ClientAssertion, "a")]), NOW).await.unwrap();
    assert_replayed(one.claim(&uses(&[(UseKind::ClientAssertion, "a")]), NOW).await, UseKind::ClientAssertion);
}

async fn another_key_is_new((one, other): Copies) {
    for name in ["a", "b", "c"] {
        one.claim(&proof(name), NOW).await.unwrap();
        assert_replayed(other.claim(&proof(name), NOW).await, UseKind::DpopProof);
    }
}

async fn every_use_of_a_claim_must_be_new((one, other): Copies) {
    one.claim(&uses(&[(UseKind::DpopProof, "a"), (UseKind::ClientAssertion, "s")]), NOW).await.unwrap();
    let new_proof_old_assertion = uses(&[(UseKind::DpopProof, "b"), (UseKind::ClientAssertion, "s")]);
    assert_replayed(other.claim(&new_proof_old_assertion, NOW).await, UseKind::ClientAssertion);
    let old_proof_new_assertion = uses(&[(UseKind::DpopProof, "a"), (UseKind::ClientAssertion, "t")]);
    assert_replayed(one.claim(&old_proof_new_assertion, NOW).await, UseKind::DpopProof);
}

async fn a_claim_that_names_a_use_twice_is_replayed((one, _): Copies) {
    assert_replayed(one.claim(&uses(&[(UseKind::DpopProof, "a"); 2]), NOW).await, UseKind::DpopProof);
}

async fn of_a_thousand_claims_at_once_one_succeeds((one, other): Copies) {
    let claims = (0..1000).map(|n| {
        let store = if n % 2 == 0 { one.clone() } else { other.clone() };
        tokio::spawn(async move { store.claim(&proof("a"), NOW).await })
    });
    let mut granted = 0;
    for claim in claims.collect::<Vec<_>>() {
        match claim.await.unwrap() {
            Ok(_) => granted += 1,
            refused => assert_replayed(refused, UseKind::DpopProof),
        }
    }
    assert_eq!(granted, 1);
}

async fn a_use_past_its_time_is_refused_and_not_remembered((one, _): Copies) {
    let late = NOW + MINUTE + Duration::from_millis(1);
    for _ in 0..2 {
        let refused = one.claim(&proof("a"), late).await;
        assert!(matches!(refused, Err(ClaimError::Expired(UseKind::DpopProof))), "{refused:?}");
    }
    one.claim(&proof("a"), NOW).await.unwrap();
}

async fn a_use_at_its_last_instant_is_remembered((one, _): Copies) {
    one.claim(&proof("a"), NOW).await.unwrap();
    assert_replayed(one.claim(&proof("a"), NOW + MINUTE).await, UseKind::DpopProof);
}

async fn a_claim_of_nothing_is_granted((one, _): Copies) {
    assert_eq!(one.claim(&Claim::default(), NOW).await.unwrap(), None);
}

async fn a_store_that_serves_is_ready((one, other): Copies) {
    one.ready().await.unwrap();
    other.ready().await.unwrap();
}

async fn a_refused_claim_uses_up_nothing((one, other): Copies) {
    // In a cluster this is promised of keys in one slot, which those with one first byte share.
    let used = |kind, name: &str| {
        let mut key = sha256(name.as_bytes());
        key[0] = 7;
        one_use(kind, key)
    };
    let claim =
        |names: &[&str]| Claim { uses: names.iter().map(|name| used(UseKind::DpopProof, name)).collect(), ..Claim::default() };
    one.claim(&claim(&["a"]), NOW).await.unwrap();
    for names in [["b", "a"], ["a", "b"]] {
        assert_replayed(other.claim(&claim(&names), NOW).await, UseKind::DpopProof);
    }
    one.claim(&claim(&["b"]), NOW).await.unwrap();
}

async fn a_key_belongs_to_one_holder((one, other): Copies) {
    one.claim(&held("key", "planner", NOW + MINUTE), NOW).await.unwrap();
    other.claim(&held("key", "planner", NOW + MINUTE), NOW).await.unwrap();
    other.claim(&held("another key", "researcher", NOW + MINUTE), NOW).await.unwrap();
    for node in [one, other] {
        let refused = node.claim(&held("key", "researcher", NOW + MINUTE), NOW).await;
        assert!(matches!(refused, Err(ClaimError::HeldByAnother(HeldKind::Key))), "{refused:?}");
    }
}

async fn of_many_holders_of_a_key_at_once_one_wins((one, other): Copies) {
    let claims = (0..100).map(|n| {
        let node = if n % 2 == 0 { one.clone() } else { other.clone() };
        tokio::spawn(async move { node.claim(&held("key", &format!("holder {n}"), NOW + MINUTE), NOW).await.is_ok() })
    });
    let mut held = 0;
    for claim in claims.collect::<Vec<_>>() {
        held += usize::from(claim.await.unwrap());
    }
    assert_eq!(held, 1);
}

async fn a_holder_prolongs_and_never_shortens((one, other): Copies) {
    // What is kept for no time at all is soon free; what was prolonged is not.
    one.claim(&held("short", "planner", NOW), NOW).await.unwrap();
    one.claim(&held("long", "planner", NOW), NOW).await.unwrap();
    one.claim(&held("long", "planner", NOW + MINUTE), NOW).await.unwrap();
    one.claim(&held("long", "planner", NOW), NOW).await.unwrap();
    crate::support::eventually("a key is free once its time is over", || async {
        other.claim(&held("short", "researcher", NOW + MINUTE), NOW + Duration::from_millis(1)).await.is_ok()
    })
    .await;
    let refused = other.claim(&held("long", "researcher", NOW + MINUTE), NOW + Duration::from_millis(1)).await;
    assert!(matches!(refused, Err(ClaimError::HeldByAnother(HeldKind::Key))), "{refused:?}");
}

async fn a_replay_gives_no_key_away((one, other): Copies) {
    one.claim(&proof("a"), NOW).await.unwrap();
    let claim = |proof: &str, key: &str| Claim { uses: self::proof(proof).uses, ..held(key, "thief", NOW + MINUTE) };
    let mut refused = claim("a", "key");
    // In one slot of a cluster.
    refused.holdings[0].name[0] = refused.uses[0].key[0];
    assert_replayed(other.claim(&refused, NOW).await, UseKind::DpopProof);
    let mut owner = held("key", "owner", NOW + MINUTE);
    owner.holdings[0].name[0] = refused.uses[0].key[0];
    one.claim(&owner, NOW).await.unwrap();
    // And a key that is another's burns no proof.
    let mut thief = claim("b", "key");
    thief.holdings[0].name[0] = refused.uses[0].key[0];
    thief.uses[0].key[0] = refused.uses[0].key[0];
    let held = other.claim(&thief, NOW).await;
    assert!(matches!(held, Err(ClaimError::HeldByAnother(HeldKind::Key))), "{held:?}");
    thief.holdings.clear();
    other.claim(&thief, NOW).await.unwrap();
}

async fn an_identifier_belongs_to_one_holder_and_is_no_key((one, other): Copies) {
    let identifier =
        |holder| Claim { holdings: vec![holding(HeldKind::Identifier, "name", holder, NOW + MINUTE)], ..Claim::default() };
    one.claim(&identifier("principal"), NOW).await.unwrap();
    other.claim(&identifier("principal"), NOW).await.unwrap();
    other.claim(&held("name", "workload", NOW + MINUTE), NOW).await.unwrap();
    for node in [one, other] {
        let refused = node.claim(&identifier("successor"), NOW).await;
        assert!(matches!(refused, Err(ClaimError::HeldByAnother(HeldKind::Identifier))), "{refused:?}");
    }
}

async fn of_several_that_are_held_none_is_given_away_if_one_is_anothers((one, other): Copies) {
    // In one slot of a cluster.
    let near = |kind, name, holder| {
        let mut held = holding(kind, name, holder, NOW + MINUTE);
        held.name[0] = 7;
        held
    };
    let claim = |holdings| Claim { holdings, ..Claim::default() };
    one.claim(&claim(vec![near(HeldKind::Identifier, "id", "principal")]), NOW).await.unwrap();
    for key_first in [true, false] {
        let mut both = vec![near(HeldKind::Key, "key", "thief"), near(HeldKind::Identifier, "id", "thief")];
        if !key_first {
            both.reverse();
        }
        let refused = other.claim(&claim(both), NOW).await;
        assert!(matches!(refused, Err(ClaimError::HeldByAnother(HeldKind::Identifier))), "{refused:?}");
    }
    let both = vec![near(HeldKind::Key, "key", "owner"), near(HeldKind::Identifier, "id", "principal")];
    one.claim(&claim(both), NOW).await.unwrap();
    let refused = other.claim(&claim(vec![near(HeldKind::Key, "key", "thief")]), NOW).await;
    assert!(matches!(refused, Err(ClaimError::HeldByAnother(HeldKind::Key))), "{refused:?}");
}

async fn everything_may_be_claimed_at_once((one, other): Copies) {
    let all = [UseKind::DpopProof, UseKind::ClientAssertion, UseKind::Wpt, UseKind::Signature];
    let claim = |name: &str| Claim {
        uses: uses(&all.map(|kind| (kind, name))).uses,
        holdings: held("key", "planner", NOW + MINUTE).holdings,
        ..begins("d", record(name, NOW + MINUTE))
    };
    let first = named("d", record("first", NOW + MINUTE));
    assert_eq!(one.claim(&claim("first"), NOW).await.unwrap(), Some(first.clone()));
    assert_eq!(other.claim(&claim("second"), NOW).await.unwrap(), Some(first));
    for kind in all {
        assert_replayed(other.claim(&uses(&[(kind, "second")]), NOW).await, kind);
    }
}

async fn another_epoch_is_over((one, other): Copies) {
    let mut epoch = one.epoch();
    epoch.id ^= 1;
    for node in [&one, &other] {
        let refused = node.claim_in(epoch, &proof("a"), NOW).await;
        assert!(matches!(refused, Err(ClaimError::EpochOver)), "{refused:?}");
    }
    one.claim(&proof("a"), NOW).await.unwrap();
}

async fn a_use_without_nonce_is_refused_if_it_may_be_older_than_the_memory((one, other): Copies) {
    assert_eq!(one.epoch().began, ORIGIN);
    let refused = one.claim(&since("a", ORIGIN), NOW).await;
    assert!(matches!(refused, Err(ClaimError::Forgotten(UseKind::Wpt))), "{refused:?}");
    one.claim(&since("a", ORIGIN + Duration::from_nanos(1)), NOW).await.unwrap();
    assert_replayed(other.claim(&since("a", NOW), NOW).await, UseKind::Wpt);
}

async fn all_copies_know_the_same_epoch((one, other): Copies) {
    assert_eq!(one.epoch(), other.epoch());
    for node in [one, other] {
        assert_eq!(node.current_epoch().await.unwrap(), node.epoch());
    }
}
