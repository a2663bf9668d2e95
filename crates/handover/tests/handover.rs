//! What may be handed over, and what nobody can do with it.

#[path = "support/world.rs"]
mod world;

use procura_handover::{HandOver, HandOverError, NewHandover, UnverifiedHandover};
use procura_token::{Algorithm, Confirmation, ParseError, VerifyError};
use world::{Agent, NOW, World, at, forge, scopes};

#[test]
fn a_biscuit_says_what_the_delegation_said() {
    let world = World::new();
    let token = world.token(&world.planner);
    let verified = world.judge(&world.issue(&token, &world.planner), NOW).unwrap();
    assert_eq!((verified.token(), verified.first()), (&token, &token));
    assert!(verified.hops().is_empty());
}

#[test]
fn each_hand_over_narrows_and_adds_an_actor() {
    let world = World::new();
    let verified = world.judge(&world.handed_over_twice(), NOW).unwrap();
    let token = verified.token();
    let actors: Vec<_> = token.act.as_ref().unwrap().iter().map(|actor| actor.id.path()).collect();
    assert_eq!(actors, ["/agent/archivist", "/agent/researcher", "/agent/planner"]);
    assert_eq!((token.scope.to_string(), token.exp), ("calendar.read".to_owned(), at(NOW + 300)));
    assert_eq!(token.client_id, world.archivist.id);
    assert_eq!(token.cnf, Confirmation::Key(world.archivist.jwk().thumbprint()));
    let first = verified.first();
    assert_eq!((&token.sub, &token.aud, &token.jti, &token.delegation), (&first.sub, &first.aud, &first.jti, &first.delegation));
    let hops: Vec<_> = verified.hops().iter().map(|hop| (hop.actor.path(), hop.expires)).collect();
    assert_eq!(hops, [("/agent/researcher", at(NOW + 600)), ("/agent/archivist", at(NOW + 300))]);
}

#[test]
fn it_ends_with_its_last_block_and_with_every_wit_in_it() {
    let world = World::new();
    let text = world.handed_over_twice();
    assert!(world.judge(&text, NOW + 299).is_ok());
    assert!(matches!(world.judge(&text, NOW + 300), Err(VerifyError::Expired { .. })));
    assert!(matches!(world.judge(&text, NOW - 1), Err(VerifyError::NotYetValid { .. })));
    let wit = world.wit_until(&world.researcher, at(NOW + 100));
    let short = UnverifiedHandover::parse(&world.biscuit()).unwrap();
    let short = short.hand_over(&world.planner.key, &HandOver { wit: &wit, scope: None, until: None }).unwrap();
    let long = world.hand_over(&short, &world.researcher, &world.archivist, None, None).unwrap();
    assert_eq!(world.judge(&long, NOW + 99).unwrap().token().exp, at(NOW + 100));
    assert!(matches!(world.judge(&long, NOW + 100), Err(VerifyError::Expired { .. })));
}

#[test]
fn a_holder_cannot_hand_over_what_he_does_not_have() {
    let world = World::new();
    let once =
        world.hand_over(&world.biscuit(), &world.planner, &world.researcher, Some("calendar.read"), Some(NOW + 300)).unwrap();
    let World { planner, researcher, archivist, .. } = &world;
    for (from, scope, until, error) in [
        (researcher, Some("calendar.read calendar.write"), None, HandOverError::Wider),
        (researcher, Some("mail.read"), None, HandOverError::Wider),
        (researcher, None, Some(NOW + 301), HandOverError::Wider),
        (planner, None, None, HandOverError::Holder),
        (archivist, None, None, HandOverError::Holder),
    ] {
        assert_eq!(world.hand_over(&once, from, archivist, scope, until).unwrap_err(), error);
    }
    assert!(world.hand_over(&once, researcher, archivist, Some(""), None).is_err());
}

#[test]
fn seven_may_follow_the_first_and_no_more() {
    let world = World::new();
    let agents: Vec<_> = (0..9).map(|n| Agent::new(&n.to_string(), Algorithm::Es256)).collect();
    let mut text = world.issue(&world.token(&agents[0]), &agents[0]);
    for pair in agents[..8].windows(2) {
        text = world.hand_over(&text, &pair[0], &pair[1], None, None).unwrap();
    }
    assert_eq!(world.judge(&text, NOW).unwrap().token().act.as_ref().unwrap().len(), 8);
    assert!(matches!(world.hand_over(&text, &agents[7], &agents[8], None, None), Err(HandOverError::Malformed(_))));
    let wit = world.wit(&agents[8]);
    let ninth = format!(r#"wit("{wit}"); expires(2027-01-15T08:10:00Z); permits("calendar.read");"#);
    assert!(world.judge(&world.append(&text, &agents[7], &ninth), NOW).is_err());
}

#[test]
fn only_a_delegation_bound_to_its_holder_becomes_a_biscuit() {
    let world = World::new();
    let token = world.token(&world.planner);
    let refused = |token: &procura_token::AccessToken, holder: &Agent| {
        NewHandover { token, holder: holder.jwk() }.issue(&world.root).is_err()
    };
    assert!(refused(&token, &world.researcher));
    assert!(refused(&procura_token::AccessToken { act: None, delegation: None, ..token.clone() }, &world.planner));
    assert!(refused(&procura_token::AccessToken { scope: scopes(""), ..token.clone() }, &world.planner));
    assert!(refused(&procura_token::AccessToken { client_id: world.researcher.id.clone(), ..token.clone() }, &world.planner));
    let many = (0..200).map(|n| format!("s{n}").parse().unwrap()).collect();
    assert!(refused(&procura_token::AccessToken { scope: many, ..token.clone() }, &world.planner));
    assert!(NewHandover { token: &token, holder: world.planner.jwk() }.issue(&world.domain).is_err(), "a root key of P-256");
}

/// A block in the form that `hand_over` writes.
fn block(wit: &str, scopes: &[&str], end: &str) -> String {
    let facts: String = scopes.iter().map(|scope| format!("permits(\"{scope}\");\n")).collect();
    let set = scopes.iter().map(|scope| format!("\"{scope}\"")).collect::<Vec<_>>().join(", ");
    format!(
        "wit(\"{wit}\");\nexpires({end});\n{facts}check if time($time), $time < {end};\ncheck all scope($scope), {{{set}}}.contains($scope);\n"
    )
}

const END: &str = "2027-01-15T08:10:00Z";

#[test]
fn the_form_is_what_any_biscuit_library_writes() {
    let world = World::new();
    let good = block(&world.wit(&world.researcher), &["calendar.read"], END);
    assert!(world.judge(&world.append(&world.biscuit(), &world.planner, &good), NOW).is_ok());
}

#[test]
fn no_block_says_more_than_it_may() {
    let world = World::new();
    let biscuit = world.biscuit();
    let wit = world.wit(&world.researcher);
    let good = block(&wit, &["calendar.read"], END);
    let join: String = (0..40).map(|n| format!("n({n});")).collect();
    for (what, datalog) in [
        ("a wider scope", block(&wit, &["calendar.read", "mail.read"], END)),
        ("a later end", block(&wit, &["calendar.read"], "2027-01-15T08:10:01Z")),
        ("another target", format!("{good}check if target(\"https://api.example/mail\");")),
        ("no holder", good.replace("wit(", "with(")),
        ("a holder who is no workload", block("a.b.c", &["calendar.read"], END)),
        ("two holders", format!("wit(\"{}\");{good}", world.wit(&world.archivist))),
        ("two ends", format!("expires(2027-01-15T08:00:01Z);{good}")),
        ("no end", good.replace("expires(", "ends(")),
        ("a fact of the first block", format!("{good}subject(\"corp:bob\");")),
        ("a rule", format!("{good}permits($s) <- scope($s);")),
        ("a check of its own", format!("{good}check if true;")),
        ("a check less", good.lines().take(4).collect()),
        ("a check that is laxer than its fact", good.replace("$time < 2027-01-15T08:10:00Z", "$time < 2027-01-15T08:10:01Z")),
        ("another order", good.lines().rev().collect()),
        ("hostile Datalog", format!("{good}{join}r($a, $b, $c, $d) <- n($a), n($b), n($c), n($d);")),
        ("nothing", "true(true);".to_owned()),
        ("many facts", (0..129).map(|n| format!("permits(\"s{n}\");")).collect()),
    ] {
        let judged = world.judge(&world.append(&biscuit, &world.planner, &datalog), NOW);
        assert!(matches!(judged, Err(VerifyError::Malformed(_))), "{what}: {judged:?}");
    }
    let of = |change: fn(biscuit_auth::BlockBuilder) -> biscuit_auth::BlockBuilder| {
        let block = change(biscuit_auth::BlockBuilder::new().code(&good).unwrap());
        world.judge(&world.append_block(&biscuit, &world.planner, block), NOW)
    };
    assert!(of(|block| block).is_ok());
    assert!(of(|block| block.scope(biscuit_auth::builder::Scope::Previous)).is_err(), "a block that trusts others");
    assert!(of(|block| block.context("x".to_owned())).is_err(), "a context");
}

#[test]
fn only_the_present_holder_hands_over() {
    let world = World::new();
    let World { planner, researcher, archivist, .. } = &world;
    let once = world.hand_over(&world.biscuit(), planner, researcher, None, None).unwrap();
    let datalog = block(&world.wit(archivist), &["calendar.read"], END);
    for thief in [planner, archivist, &Agent::new("thief", Algorithm::Es256), &Agent::new("thief", Algorithm::Ed25519)] {
        assert_eq!(world.judge(&world.append(&once, thief, &datalog), NOW).unwrap_err(), VerifyError::Binding);
    }
    assert!(world.judge(&world.append(&once, researcher, &datalog), NOW).is_ok());
    let back = block(&world.wit(planner), &["calendar.read"], END);
    assert!(matches!(world.judge(&world.append(&once, researcher, &back), NOW), Err(VerifyError::Malformed(_))), "a circle");
}

#[test]
fn a_wit_that_is_not_good_hands_nothing_over() {
    let world = World::new();
    let stranger = World {
        root: procura_token::SigningKey::from_jwk(world.root.to_private_jwk().unwrap().as_bytes()).unwrap(),
        ..World::new()
    };
    let biscuit = world.biscuit();
    let hand = |wit: &str| {
        let biscuit = UnverifiedHandover::parse(&biscuit).unwrap();
        biscuit.hand_over(&world.planner.key, &HandOver { wit, scope: None, until: None }).unwrap()
    };
    assert!(matches!(world.judge(&hand(&world.wit_until(&world.researcher, at(NOW))), NOW), Err(VerifyError::Expired { .. })));
    assert!(world.judge(&hand(&stranger.wit(&world.researcher)), NOW).is_err(), "of a domain whose keys are others");
    // The WIT verified is the one in the block, not another of the same workload.
    let text = hand(&world.wit(&world.researcher));
    let issuer = world::ISSUER.parse().unwrap();
    let rules = procura_handover::HandoverRules { issuer: &issuer, audience: None, skew: world.skew };
    let rooted = UnverifiedHandover::parse(&text).unwrap().verify_root(&world.keys(), &rules, at(NOW)).unwrap();
    let other = world.verify_wit(&world.wit_until(&world.researcher, at(NOW + 9)), at(NOW)).unwrap();
    assert!(
        rooted.clone().verify(&[&other]).is_err()
            && rooted.clone().verify(&[]).is_err()
            && rooted.verify(&[&other, &other]).is_err()
    );
}

#[test]
fn a_container_that_was_tampered_with_is_refused() {
    let world = World::new();
    let text = world.handed_over_twice();
    let other = world.handed_over_twice();
    let once = world.hand_over(&world.biscuit(), &world.planner, &world.researcher, None, None).unwrap();
    let parts = |text: &str| {
        let mut taken = None;
        forge(text, |biscuit| taken = Some(biscuit.clone()));
        taken.unwrap()
    };
    let foreign = parts(&other);
    for (what, forged) in [
        ("the last block dropped", forge(&text, |biscuit| drop(biscuit.blocks.pop()))),
        (
            "the last block dropped, its author's secret kept",
            forge(&text, |biscuit| {
                biscuit.blocks.pop();
                biscuit.proof = parts(&once).proof;
            }),
        ),
        ("the first hand-over dropped", forge(&text, |biscuit| drop(biscuit.blocks.remove(0)))),
        ("hand-overs swapped", forge(&text, |biscuit| biscuit.blocks.swap(0, 1))),
        ("a hand-over twice", forge(&text, |biscuit| biscuit.blocks.push(biscuit.blocks[1].clone()))),
        ("a hand-over of another Biscuit", forge(&text, |biscuit| biscuit.blocks[1] = foreign.blocks[1].clone())),
        ("another first block", forge(&text, |biscuit| biscuit.authority = foreign.authority.clone())),
        ("another holder", forge(&text, |biscuit| biscuit.blocks[0].block = parts(&once).blocks[0].block.clone())),
        ("no signature of the holder", forge(&text, |biscuit| biscuit.blocks[1].external_signature = None)),
        ("signatures of another version", forge(&text, |biscuit| biscuit.blocks[1].version = None)),
        ("another root key", forge(&text, |biscuit| biscuit.root_key_id = Some(7))),
        ("no root key", forge(&text, |biscuit| biscuit.root_key_id = None)),
        ("sealed", world.biscuit_auth(&text).unwrap().seal().unwrap().to_base64().unwrap()),
        ("a block nobody signed for", {
            let block =
                biscuit_auth::BlockBuilder::new().code(block(&world.wit(&world.planner), &["calendar.read"], END)).unwrap();
            world.biscuit_auth(&text).unwrap().append(block).unwrap().to_base64().unwrap()
        }),
        ("without padding", text.trim_end_matches('=').to_owned() + if text.ends_with('=') { "" } else { "=" }),
        ("a line feed", text.clone() + "\n"),
        ("empty", String::new()),
    ] {
        assert!(world.judge(&forged, NOW).is_err(), "{what}");
    }
    assert!(world.judge(&text, NOW).is_ok());
    assert_eq!(UnverifiedHandover::parse(&"A".repeat(16385)).unwrap_err(), ParseError::TooLong { limit: 16384 });
}

#[test]
fn another_issuer_and_another_target_are_refused() {
    let world = World::new();
    let text = world.biscuit();
    let others = World { root: procura_token::SigningKey::generate(Algorithm::Ed25519).unwrap(), ..World::new() };
    assert_eq!(others.judge(&text, NOW).unwrap_err(), VerifyError::UnknownKey);
    let mut token = world.token(&world.planner);
    token.aud = "https://api.example/mail".parse().unwrap();
    assert_eq!(world.judge(&world.issue(&token, &world.planner), NOW).unwrap_err(), VerifyError::Audience);
    token.iss = "https://other.example".parse().unwrap();
    assert_eq!(world.judge(&world.issue(&token, &world.planner), NOW).unwrap_err(), VerifyError::Issuer);
}
