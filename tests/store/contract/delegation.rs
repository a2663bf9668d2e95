//! What is promised of delegations.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use procura::store::{Claim, ClaimError, DelegationFilter, DelegationRecord, NewDelegation, StoreError, UseKind};
use procura_token::sha256;

use crate::support::{
    Copies, MINUTE, NOW, Node, assert_replayed, assert_revoked, assert_unknown, begin, continued, delegation, eventually, id,
    named, one_use, proof, record,
};

cases! {
    a_delegation_is_begun_once_and_continued_unchanged
    of_many_that_begin_a_delegation_at_once_all_get_the_same_record
    a_record_whose_deadline_has_passed_is_still_returned
    a_record_past_its_time_is_refused
    what_has_begun_is_continued_by_its_name
    what_has_not_begun_is_not_continued
    what_is_revoked_neither_continues_nor_begins
    what_is_revoked_stays_so_as_long_as_it_could_begin_again
    the_first_revocation_counts
    nothing_is_revoked_that_has_not_begun
    a_claim_refused_for_its_delegation_uses_up_nothing
    once_it_is_revoked_no_claim_succeeds
    all_delegations_are_listed_page_by_page
    a_listing_is_of_one_agent_one_user_one_target
    what_is_listed_says_what_it_is_and_whether_it_was_revoked
    a_cursor_of_no_store_is_refused
    the_longest_names_fit
}

async fn a_delegation_is_begun_once_and_continued_unchanged((one, other): Copies) {
    let first = record("first", NOW + MINUTE + Duration::from_nanos(7));
    let begun = Some(named("k", first.clone()));
    assert_eq!(one.claim(&delegation("k", first), NOW).await.unwrap(), begun);
    let second = record("second", NOW + MINUTE * 30);
    for store in [&one, &other] {
        assert_eq!(store.claim(&delegation("k", second.clone()), NOW).await.unwrap(), begun);
    }
    assert_eq!(other.claim(&delegation("l", second.clone()), NOW).await.unwrap(), Some(named("l", second)));
}

async fn of_many_that_begin_a_delegation_at_once_all_get_the_same_record((one, other): Copies) {
    let claims = (0..200).map(|n| {
        let store = if n % 2 == 0 { one.clone() } else { other.clone() };
        let claim = delegation("k", record(&format!("proposal-{n}"), NOW + MINUTE));
        tokio::spawn(async move { store.claim(&claim, NOW).await.unwrap().unwrap() })
    });
    let mut records = Vec::new();
    for claim in claims.collect::<Vec<_>>() {
        records.push(claim.await.unwrap());
    }
    assert!(records.iter().all(|record| *record == records[0]), "{records:?}");
}

/// Kept for an hour, though it lasts a minute.
fn long_kept(name: &str, agent: &str) -> Claim {
    let proposed = named(name, record(agent, NOW + MINUTE));
    begin(NewDelegation { key: sha256(name.as_bytes()), proposed, keep_until: NOW + MINUTE * 60 })
}

async fn a_record_whose_deadline_has_passed_is_still_returned((one, _): Copies) {
    one.claim(&long_kept("k", "d"), NOW).await.unwrap();
    let begun = named("k", record("d", NOW + MINUTE));
    let again = delegation("k", record("e", NOW + MINUTE * 90));
    assert_eq!(one.claim(&again, NOW + MINUTE * 2).await.unwrap(), Some(begun.clone()));
    assert_eq!(one.claim(&continued("k"), NOW + MINUTE * 2).await.unwrap(), Some(begun));
}

async fn a_record_past_its_time_is_refused((one, _): Copies) {
    let refused = one.claim(&delegation("k", record("d", NOW)), NOW + MINUTE).await;
    assert!(matches!(refused, Err(ClaimError::DelegationOver)), "{refused:?}");
}

async fn what_has_begun_is_continued_by_its_name((one, other): Copies) {
    let begun = record("d", NOW + MINUTE);
    one.claim(&delegation("k", begun.clone()), NOW).await.unwrap();
    for store in [&one, &other] {
        assert_eq!(store.claim(&continued("k"), NOW).await.unwrap(), Some(named("k", begun.clone())));
    }
}

async fn what_has_not_begun_is_not_continued((one, other): Copies) {
    one.claim(&delegation("k", record("d", NOW + MINUTE)), NOW).await.unwrap();
    assert_unknown(other.claim(&continued("l"), NOW).await);
    // Nor did it begin by that.
    assert_unknown(one.claim(&continued("l"), NOW).await);
    assert_eq!(one.delegation(&id("l")).await, None);
    let mut stranger = continued("k");
    stranger.delegation = Some(procura::store::DelegationClaim::Continue("no name of ours".parse().unwrap()));
    assert_unknown(one.claim(&stranger, NOW).await);
}

async fn what_is_revoked_neither_continues_nor_begins((one, other): Copies) {
    let begun = record("d", NOW + MINUTE);
    one.claim(&delegation("k", begun.clone()), NOW).await.unwrap();
    one.claim(&delegation("l", begun.clone()), NOW).await.unwrap();
    let revoked = DelegationRecord { revoked: Some(NOW + MINUTE / 2), ..named("k", begun.clone()) };
    assert_eq!(other.revoke(&id("k"), NOW + MINUTE / 2).await.unwrap(), Some(revoked.clone()));
    for store in [&one, &other] {
        assert_revoked(store.claim(&continued("k"), NOW + MINUTE / 2).await);
        assert_revoked(store.claim(&delegation("k", begun.clone()), NOW + MINUTE / 2).await);
        assert_eq!(store.delegation(&id("k")).await, Some(revoked.clone()));
        // Another is not.
        store.claim(&continued("l"), NOW).await.unwrap();
    }
}

async fn what_is_revoked_stays_so_as_long_as_it_could_begin_again((one, other): Copies) {
    one.claim(&long_kept("k", "d"), NOW).await.unwrap();
    one.revoke(&id("k"), NOW).await.unwrap();
    for later in [NOW + MINUTE, NOW + MINUTE * 2, NOW + MINUTE * 60] {
        assert_revoked(other.claim(&long_kept("k", "d"), later).await);
        assert_revoked(other.claim(&continued("k"), later).await);
    }
    // What is kept for no time at all is soon forgotten, revoked or not, and cannot be asked for any more.
    one.claim(&delegation("short", record("d", NOW)), NOW).await.unwrap();
    one.revoke(&id("short"), NOW).await.unwrap();
    eventually("the record expires", || async {
        let later = NOW + Duration::from_millis(1);
        matches!(other.claim(&continued("short"), later).await, Err(ClaimError::DelegationUnknown))
    })
    .await;
}

async fn the_first_revocation_counts((one, other): Copies) {
    one.claim(&delegation("k", record("d", NOW + MINUTE)), NOW).await.unwrap();
    let first = one.revoke(&id("k"), NOW + Duration::from_nanos(5)).await.unwrap();
    assert_eq!(first.as_ref().and_then(|record| record.revoked), Some(NOW + Duration::from_nanos(5)));
    assert_eq!(other.revoke(&id("k"), NOW + MINUTE).await.unwrap(), first);
}

async fn nothing_is_revoked_that_has_not_begun((one, _): Copies) {
    assert_eq!(one.revoke(&id("k"), NOW).await.unwrap(), None);
    assert_eq!(one.revoke(&"no name of ours".parse().unwrap(), NOW).await.unwrap(), None);
    one.claim(&delegation("k", record("d", NOW + MINUTE)), NOW).await.unwrap();
}

async fn a_claim_refused_for_its_delegation_uses_up_nothing((one, other): Copies) {
    // In a cluster this is promised of keys in one slot, which those with one first byte share.
    let near = |name: &str| {
        let mut key = sha256(name.as_bytes());
        key[0] = sha256(b"k")[0];
        vec![one_use(UseKind::DpopProof, key)]
    };
    one.claim(&delegation("k", record("d", NOW + MINUTE)), NOW).await.unwrap();
    one.revoke(&id("k"), NOW).await.unwrap();
    assert_revoked(other.claim(&Claim { uses: near("a"), ..continued("k") }, NOW).await);
    assert_revoked(other.claim(&Claim { uses: near("a"), ..delegation("k", record("d", NOW + MINUTE)) }, NOW).await);
    one.claim(&Claim { uses: near("a"), ..Claim::default() }, NOW).await.unwrap();
    let again = other.claim(&Claim { uses: near("a"), ..Claim::default() }, NOW).await;
    assert_replayed(again, UseKind::DpopProof);
}

/// Twelve claim without pause while one revokes: what was asked for after the answer is refused, every time.
async fn once_it_is_revoked_no_claim_succeeds((one, other): Copies) {
    for round in 0..20 {
        let name = format!("k{round}");
        one.claim(&delegation(&name, record("d", NOW + MINUTE)), NOW).await.unwrap();
        let is_revoked = Arc::new(AtomicBool::new(false));
        let workers: Vec<_> = (0..12)
            .map(|worker| {
                let (is_revoked, name) = (Arc::clone(&is_revoked), name.clone());
                let node = if worker % 2 == 0 { one.clone() } else { other.clone() };
                tokio::spawn(async move { claim_until_refused(&node, &name, worker, &is_revoked).await })
            })
            .collect();
        tokio::task::yield_now().await;
        assert!(one.revoke(&id(&name), NOW).await.unwrap().is_some());
        is_revoked.store(true, Ordering::SeqCst);
        for worker in workers {
            worker.await.unwrap();
        }
    }
}

async fn claim_until_refused(node: &Node, name: &str, worker: usize, is_revoked: &AtomicBool) {
    for n in 0.. {
        let was_revoked = is_revoked.load(Ordering::SeqCst);
        let claim = match n % 2 {
            0 => continued(name),
            _ => delegation(name, record("d", NOW + MINUTE)),
        };
        let uses = proof(&format!("{name} {worker} {n}")).uses;
        match node.claim(&Claim { uses, ..claim }, NOW).await {
            Ok(record) => assert!(!was_revoked, "granted after it was revoked: {record:?}"),
            // It stays so.
            Err(ClaimError::DelegationRevoked) => return assert_revoked(node.claim(&continued(name), NOW).await),
            Err(other) => panic!("{other}"),
        }
    }
}

/// A filter that only this case's delegations match.
fn of(agent: &str) -> DelegationFilter {
    DelegationFilter { agent: Some(record(agent, NOW).agent), ..DelegationFilter::default() }
}

async fn all_delegations_are_listed_page_by_page((one, other): Copies) {
    let mut names = Vec::new();
    for n in 0..250 {
        let name = format!("k{n}");
        one.claim(&delegation(&name, record("paged", NOW + MINUTE)), NOW).await.unwrap();
        names.push(id(&name));
    }
    names.sort();
    for (node, limit) in [(&one, 1000), (&other, 100), (&one, 7)] {
        let mut listed: Vec<_> = node.delegations(&of("paged"), limit).await.into_iter().map(|record| record.id).collect();
        listed.sort();
        listed.dedup();
        assert_eq!(listed, names, "in pages of {limit}");
    }
}

async fn a_listing_is_of_one_agent_one_user_one_target((one, other): Copies) {
    let of = |agent: &str, user: &str, target: &str| DelegationRecord {
        subject: user.parse().unwrap(),
        target: target.parse().unwrap(),
        ..record(agent, NOW + MINUTE)
    };
    let all = [
        ("a", of("list-a", "dev:carol", "https://api.example/1")),
        ("b", of("list-a", "dev:dave", "https://api.example/2")),
        ("c", of("list-b", "dev:carol", "https://api.example/2")),
    ];
    for (name, record) in &all {
        one.claim(&delegation(name, record.clone()), NOW).await.unwrap();
    }
    let agent = |name: &str| Some(record(name, NOW).agent);
    let user = |name: &str| Some(name.parse().unwrap());
    let target = |name: &str| Some(name.parse().unwrap());
    for (filter, expected) in [
        (DelegationFilter { agent: agent("list-a"), ..Default::default() }, &["a", "b"][..]),
        (DelegationFilter { subject: user("dev:carol"), ..Default::default() }, &["a", "c"]),
        (DelegationFilter { target: target("https://api.example/2"), ..Default::default() }, &["b", "c"]),
        (DelegationFilter { agent: agent("list-a"), subject: user("dev:carol"), ..Default::default() }, &["a"]),
        (DelegationFilter { agent: agent("list-b"), subject: user("dev:dave"), ..Default::default() }, &[]),
        (DelegationFilter { agent: agent("list"), ..Default::default() }, &[]),
    ] {
        let listed = other.delegations(&filter, 100).await;
        let names: Vec<_> =
            ["a", "b", "c"].into_iter().filter(|name| listed.iter().any(|record| record.id == id(name))).collect();
        assert_eq!(names, expected, "{filter:?}");
        assert_eq!(listed.len(), expected.len(), "{filter:?}");
    }
}

async fn what_is_listed_says_what_it_is_and_whether_it_was_revoked((one, other): Copies) {
    let begun = record("listed", NOW + MINUTE);
    one.claim(&delegation("k", begun.clone()), NOW).await.unwrap();
    assert_eq!(other.delegations(&of("listed"), 10).await, [named("k", begun.clone())]);
    one.revoke(&id("k"), NOW).await.unwrap();
    let revoked = DelegationRecord { revoked: Some(NOW), ..named("k", begun) };
    assert_eq!(other.delegations(&of("listed"), 10).await, [revoked]);
}

async fn a_cursor_of_no_store_is_refused((one, _): Copies) {
    for text in ["x", "0.0.0", "0000000000000000.0.0", "99999999999999999999.0.0"] {
        let refused = one.store().delegations(&DelegationFilter::default(), Some(&text.parse().unwrap()), 10, NOW).await;
        assert!(matches!(refused, Err(StoreError::Cursor)), "{text}: {refused:?}");
    }
}

async fn the_longest_names_fit((one, other): Copies) {
    let long = DelegationRecord {
        subject: "u".repeat(2048).parse().unwrap(),
        target: format!("https://{}", "t".repeat(2040)).parse().unwrap(),
        ..record(&"a".repeat(2048 - 28), NOW + MINUTE)
    };
    one.claim(&delegation("k", long.clone()), NOW).await.unwrap();
    assert_eq!(other.claim(&continued("k"), NOW).await.unwrap(), Some(named("k", long)));
}
