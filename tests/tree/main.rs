//! What never happens, whoever asks for what and in whatever order: each sentence of that chapter of docs/design.md is a
//! property here, held against random trees of delegations, with random policies, times and revocations.

mod plan;
mod tree;
mod world;

use std::cell::{OnceCell, RefCell};
use std::collections::{BTreeMap, HashMap};

use plan::{TARGETS, WORKLOADS, id};
use serde_json::Value;
use tree::{Deed, Source, Token, claims, for_all_trees, for_trees};

/// What all the others are held against is no bare ground.
#[test]
fn trees_have_branches_of_every_kind() {
    let seen = RefCell::new(BTreeMap::new());
    for_trees(16, |_, tree| {
        let mut seen = seen.borrow_mut();
        let mut see = |what: &str| *seen.entry(what.to_owned()).or_insert(0) += 1;
        tree.roots().for_each(|_| see("began"));
        for (parent, child) in tree.hops() {
            let is_pushed = child.request.actor.is_some_and(|actor| actor != child.request.caller);
            match child.chain().len() - parent.chain().len() {
                _ if !child.request.shown.path().is_empty() => see("was handed over"),
                0 => see("went on"),
                _ if is_pushed => see("was pushed"),
                _ => see("was pulled"),
            }
            if child.chain().len() > 2 {
                see("went far");
            }
            if parent.target() != child.target() {
                see("moved");
            }
        }
        let mut revoked = Vec::new();
        for done in &tree.history {
            match &done.what {
                Deed::Revoked(delegation) => revoked.push(delegation),
                Deed::Asked(request, Err(_)) if revoked.iter().any(|id| request.subject_is_of(id)) => see("was revoked"),
                Deed::Asked(_, Err(code)) => see(code),
                Deed::Asked(_, Ok(_)) => {}
            }
        }
    });
    let seen = seen.into_inner();
    let kinds = ["began", "went on", "was pushed", "was pulled", "was handed over", "went far", "moved", "was revoked"];
    for kind in kinds.into_iter().chain(["invalid_request", "invalid_target"]) {
        assert!(seen.contains_key(kind), "nothing {kind}: {seen:?}");
    }
}

#[test]
fn scope_never_widens() {
    for_all_trees(|_, tree| {
        for (parent, child) in tree.hops() {
            assert!(child.scope().is_within(parent.scope()), "{} of {}", child.said, parent.said);
        }
        for (user, root) in tree.roots() {
            assert!(tree.plan.users[user].scope.is_none_or(|scope| root.scope().is_within(scope)), "{}", root.said);
        }
        for token in &tree.tokens {
            assert!(token.request.scope.is_none_or(|asked| token.scope().is_within(asked)), "{}", token.said);
            let path = token.request.shown.path();
            assert!(path.iter().all(|(_, given)| token.scope().is_within(*given)), "{path:?}: {}", token.said);
        }
    });
}

#[test]
fn no_actor_gets_what_policy_denies_it() {
    for_all_trees(|_, tree| {
        for token in &tree.tokens {
            let permit = tree.plan.permit(token.holder().0, token.target()).unwrap_or_else(|| panic!("{}", token.said));
            assert!(token.scope().is_within(permit.scopes), "{permit:?}: {}", token.said);
            assert!(permit.depth.is_none_or(|depth| token.chain().len() <= depth), "{permit:?}: {}", token.said);
            let lasts = token.expires() - token.said["iat"].as_f64().unwrap();
            assert!(permit.ttl.is_none_or(|ttl| lasts <= ttl as f64), "{permit:?}: {}", token.said);
            // Nor whoever had it in between, though the service did not see him.
            for (place, (workload, _)) in token.request.shown.path().iter().rev().enumerate() {
                let permit = tree.plan.permit(*workload, token.target()).unwrap_or_else(|| panic!("{}", token.said));
                assert!(token.scope().is_within(permit.scopes), "{permit:?}: {}", token.said);
                assert!(permit.depth.is_none_or(|depth| token.chain().len() - place <= depth), "{permit:?}: {}", token.said);
            }
        }
    });
}

#[test]
fn nothing_outlives_what_it_was_made_from() {
    for_all_trees(|_, tree| {
        for (parent, child) in tree.hops() {
            assert!(child.expires() <= parent.expires(), "{} of {}", child.said, parent.said);
        }
        for (_, root) in tree.roots() {
            let user_token = claims(&root.request.subject);
            assert!(root.said["exp"].as_u64() <= user_token["exp"].as_u64(), "{} of {user_token}", root.said);
        }
        for token in &tree.tokens {
            assert!(token.expires() <= token.until(), "{}", token.said);
        }
    });
}

#[test]
fn the_name_and_the_deadline_of_a_delegation_never_change() {
    for_all_trees(|_, tree| {
        for (parent, child) in tree.hops() {
            assert_eq!(child.said["delegation"]["id"], parent.said["delegation"]["id"]);
            assert_eq!(child.said["delegation"]["until"], parent.said["delegation"]["until"]);
            // A Biscuit has a name of its own.
            if child.request.shown.path().is_empty() {
                assert_eq!(child.said["delegation"]["parent"], parent.said["jti"]);
            }
        }
        // However often it began.
        let mut deadlines: HashMap<&str, &Value> = HashMap::new();
        for token in &tree.tokens {
            let until = &token.said["delegation"]["until"];
            assert_eq!(*deadlines.entry(token.delegation()).or_insert(until), until, "{}", token.said);
        }
    });
}

#[test]
fn the_chain_names_exactly_those_who_proved_a_key() {
    for_all_trees(|_, tree| {
        for (_, root) in tree.roots() {
            assert_eq!(root.chain(), [id(WORKLOADS[root.request.caller])]);
        }
        for (parent, child) in tree.hops() {
            let (holder, held) = parent.holder();
            let has_proved = (child.request.caller, child.request.key) == (holder, held);
            let (before, now) = (parent.chain(), child.chain());
            let path = child.request.shown.path();
            if !path.is_empty() {
                // Everybody who had it, each by the key of his WIT, and the last one proved his.
                let handed: Vec<String> = path.iter().rev().map(|(workload, _)| id(WORKLOADS[*workload])).collect();
                assert_eq!(
                    (&now[..handed.len()], &now[handed.len()..]),
                    (&handed.iter().map(String::as_str).collect::<Vec<_>>()[..], &before[..])
                );
                continue;
            }
            match child.request.actor.filter(|actor| *actor != child.request.caller) {
                // Handed over by whoever acted, who proved its key, to whoever has the key of the WIT.
                Some(actor) => {
                    assert!(has_proved, "{}", child.said);
                    assert_eq!((now[0], &now[1..]), (id(WORKLOADS[actor]).as_str(), &before[..]));
                }
                // Asked again by the same.
                None if now == before => assert!(has_proved, "{}", child.said),
                // Or the server that it was sent to, by its own key.
                None => {
                    assert_eq!(TARGETS[parent.target()].1, Some(child.request.caller), "{}", child.said);
                    assert_eq!((now[0], &now[1..]), (id(WORKLOADS[child.request.caller]).as_str(), &before[..]));
                }
            }
        }
    });
}

#[test]
fn what_was_said_of_earlier_actors_is_kept_byte_for_byte() {
    for_all_trees(|_, tree| {
        for (parent, child) in tree.hops() {
            match child.chain().len() - parent.chain().len() {
                0 => assert_eq!(child.act(), parent.act()),
                more => {
                    let kept = format!(",\"act\":{}{}", parent.act(), "}".repeat(more));
                    assert!(child.act().ends_with(&kept), "{}", child.payload);
                }
            }
        }
    });
}

#[test]
fn nobody_acts_twice_unless_policy_lets_it() {
    for_all_trees(|_, tree| {
        for token in &tree.tokens {
            let chain = token.chain();
            let may_repeat = tree.plan.permit(token.holder().0, token.target()).is_some_and(|permit| permit.repeats);
            let is_continued = matches!(token.made_from, Source::Token(parent) if tree.tokens[parent].chain() == chain);
            assert!(may_repeat || is_continued || !chain[1..].contains(&chain[0]), "{}", token.said);
            assert!(chain.len() <= procura_token::MAX_ACTORS, "{}", token.said);
        }
    });
}

#[test]
fn the_user_and_what_is_known_of_him_never_change() {
    for_all_trees(|_, tree| {
        for token in &tree.tokens {
            let (user, root) = tree.root(token);
            assert_eq!(token.said["sub"], format!("dev:user{user}"));
            for claim in ["auth_time", "acr", "amr", "groups"] {
                assert!(!token.said[claim].is_null());
                assert_eq!(token.said[claim], root.said[claim], "{claim}");
            }
        }
    });
}

#[test]
fn a_token_belongs_to_the_key_of_whoever_acts() {
    for_all_trees(|world, tree| {
        for token in &tree.tokens {
            let (actor, key) = token.holder();
            assert_eq!(
                (&token.said["client_id"], &token.said["act"]["sub"]),
                (&id(WORKLOADS[actor]).into(), &token.said["client_id"])
            );
            assert_eq!(token.said["cnf"], serde_json::json!({ "jkt": world.thumbprint(key) }), "{}", token.said);
        }
    });
}

#[test]
fn a_token_changes_its_target_only_in_the_hands_of_its_server() {
    for_all_trees(|_, tree| {
        for (parent, child) in tree.hops().filter(|(parent, child)| parent.target() != child.target()) {
            assert_eq!(TARGETS[parent.target()].1, Some(child.holder().0), "{}", child.said);
        }
    });
}

#[test]
fn nothing_is_granted_after_the_end() {
    for_all_trees(|_, tree| {
        for (parent, child) in tree.hops() {
            let at = child.at.since_epoch().as_secs_f64();
            assert!(at < parent.expires() && at < parent.until(), "{} of {}", child.said, parent.said);
        }
    });
}

#[test]
fn nothing_is_granted_after_revocation() {
    for_all_trees(|_, tree| {
        let mut revoked = Vec::new();
        for done in &tree.history {
            match &done.what {
                Deed::Revoked(delegation) => revoked.push(delegation.as_str()),
                Deed::Asked(_, Ok(number)) => {
                    let delegation = tree.tokens[*number].delegation();
                    assert!(!revoked.contains(&delegation), "{}", tree.tokens[*number].said);
                }
                Deed::Asked(_, Err(_)) => {}
            }
        }
    });
}

/// Whatever the way, whoever took it, and however often.
#[test]
fn no_way_yields_more_than_its_root() {
    for_all_trees(|_, tree| {
        for token in &tree.tokens {
            let (user, root) = tree.root(token);
            assert!(token.scope().is_within(root.scope()), "{} of {}", token.said, root.said);
            assert!(token.expires() <= root.until(), "{} of {}", token.said, root.said);
            assert_eq!(token.delegation(), root.delegation());
            assert!(tree.plan.users[user].scope.is_none_or(|scope| token.scope().is_within(scope)), "{}", token.said);
        }
    });
}

/// The same without the requests that were refused: everybody gets the same.
#[test]
fn a_refused_request_changes_nothing() {
    let other = OnceCell::new();
    for_all_trees(|world, tree| {
        let other = other.get_or_init(|| world.forgetful());
        other.legislate(&tree.plan.policies());
        let without_name = |token: &Token| {
            let mut said = token.said.clone();
            said["jti"].take();
            said
        };
        for done in &tree.history {
            other.set(done.at);
            match &done.what {
                Deed::Revoked(delegation) => other.revoke(delegation),
                Deed::Asked(request, Ok(number)) => {
                    let text = other.ask(request).unwrap_or_else(|code| panic!("{code}: {request:?}"));
                    let token = &tree.tokens[*number];
                    let again = Token::read(text, request.clone(), token.made_from, done.at);
                    assert_eq!(without_name(&again), without_name(token));
                }
                Deed::Asked(_, Err(_)) => {}
            }
        }
    });
}
