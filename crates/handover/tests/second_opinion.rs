//! `biscuit-auth` is the second opinion: it believes what we believe, and its authorizer allows what our reading allows.

#[path = "support/world.rs"]
mod world;

use core::time::Duration;

use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE;
use biscuit_auth::builder::{Term, fact, string};
use biscuit_auth::{AuthorizerBuilder, AuthorizerLimits};
use procura_token::{Algorithm, Scope};
use proptest::prelude::*;
use world::{Agent, NOW, TARGET, World, scopes};

const SCOPES: [&str; 4] = ["calendar.read", "calendar.write", "time", "mail.read"];

/// Whether an ordinary verifier lets a request through: it says what time it is, what it is, and what the request needs.
fn allows(world: &World, text: &str, target: &str, needs: &[&str], now: u64) -> bool {
    let biscuit = world.biscuit_auth(text).unwrap();
    let limits = AuthorizerLimits { max_time: Duration::from_secs(5), ..AuthorizerLimits::default() };
    let mut builder = AuthorizerBuilder::new().set_limits(limits).policy("allow if true").unwrap();
    builder = builder.fact(fact("time", &[Term::Date(now)])).unwrap().fact(fact("target", &[string(target)])).unwrap();
    for scope in needs {
        builder = builder.fact(fact("scope", &[string(scope)])).unwrap();
    }
    builder.build(&biscuit).unwrap().authorize().is_ok()
}

fn chosen(mask: u8) -> Vec<&'static str> {
    SCOPES.iter().enumerate().filter(|(place, _)| mask & (1 << place) != 0).map(|(_, scope)| *scope).collect()
}

#[derive(Clone, Debug)]
struct Step {
    mask: u8,
    earlier: u64,
    is_p256: bool,
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let step = (1_u8..16, 0_u64..200, any::<bool>()).prop_map(|(mask, earlier, is_p256)| Step { mask, earlier, is_p256 });
    proptest::collection::vec(step, 0..5)
}

/// The chain as far as it narrows.
fn hand_on(world: &World, steps: &[Step]) -> String {
    let mut token = world.token(&world.planner);
    token.scope = scopes(&SCOPES.join(" "));
    let mut text = world.issue(&token, &world.planner);
    let (mut mask, mut end) = (15, NOW + 600);
    let mut holder = Agent { id: world.planner.id.clone(), key: copy(&world.planner.key) };
    for (place, step) in steps.iter().enumerate() {
        if mask & step.mask == 0 {
            break;
        }
        (mask, end) = (mask & step.mask, end - step.earlier.min(end - NOW));
        let next = Agent::new(&format!("next-{place}"), if step.is_p256 { Algorithm::Es256 } else { Algorithm::Ed25519 });
        text = world.hand_over(&text, &holder, &next, Some(&chosen(mask).join(" ")), Some(end)).unwrap();
        holder = next;
    }
    text
}

fn copy(key: &procura_token::SigningKey) -> procura_token::SigningKey {
    procura_token::SigningKey::from_jwk(key.to_private_jwk().unwrap().as_bytes()).unwrap()
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(48) })]

    #[test]
    fn the_authorizer_allows_what_our_reading_allows(steps in steps(), needs in 1_u8..16, after in 0_u64..700, is_other: bool) {
        let world = World::new();
        let text = hand_on(&world, &steps);
        let target = if is_other { "https://api.example/mail" } else { TARGET };
        let needs = chosen(needs);
        let now = NOW + after;
        let ours = world.judge(&text, now).is_ok_and(|verified| {
            let token = verified.token();
            token.aud.as_str() == target && needs.iter().all(|scope| token.scope.contains(&scope.parse::<Scope>().unwrap()))
        });
        prop_assert_eq!(allows(&world, &text, target, &needs, now), ours);
    }

    /// Every step leaves less, and the chain is the path of those who held it.
    #[test]
    fn nothing_widens(steps in steps()) {
        let world = World::new();
        // At an empty end there is nothing to judge.
        prop_assume!(steps.iter().map(|step| step.earlier).sum::<u64>() < 600);
        let verified = world.judge(&hand_on(&world, &steps), NOW).unwrap();
        let (mut scope, mut end) = (&verified.first().scope, verified.first().exp);
        for hop in verified.hops() {
            prop_assert!(hop.scope.is_subset(scope) && hop.expires <= end);
            (scope, end) = (&hop.scope, hop.expires);
        }
        prop_assert_eq!((&verified.token().scope, verified.token().exp), (scope, end));
        let path: Vec<_> = verified.hops().iter().rev().map(|hop| &hop.actor).chain([&verified.first().client_id]).collect();
        prop_assert_eq!(verified.token().act.as_ref().unwrap().iter().map(|actor| &actor.id).collect::<Vec<_>>(), path);
    }

    #[test]
    fn a_changed_octet_is_seen(place in any::<prop::sample::Index>(), change in 1_u8..) {
        let world = World::new();
        let text = world.handed_over_twice();
        let mut bytes = BASE64_URL_SAFE.decode(&text).unwrap();
        let place = place.index(bytes.len());
        bytes[place] ^= change;
        prop_assert!(world.judge(&BASE64_URL_SAFE.encode(&bytes), NOW).is_err());
    }
}

#[test]
fn what_we_write_says_what_the_specification_says() {
    let world = World::new();
    let biscuit = world.biscuit_auth(&world.handed_over_twice()).unwrap();
    let wit = world.wit(&world.researcher);
    let first = biscuit.print_block_source(0).unwrap();
    let jwk = world.planner.jwk().canonical();
    assert_eq!(
        first,
        format!(
            r#"handover(1);
issuer("https://sts.example");
token("token-1");
issued(2027-01-15T08:00:00Z);
expires(2027-01-15T08:10:00Z);
subject("corp:alice");
audience("https://api.example/calendar");
holder("{jwk}");
delegation("delegation-1", 2027-01-15T08:30:00Z);
actor(0, "spiffe://prod.example/agent/planner", "ai_agent");
group("staff");
permits("calendar.read");
permits("calendar.write");
auth_time(2027-01-15T07:59:00Z);
acr("phr");
amr("hwk");
amr("user");
check if time($time), $time < 2027-01-15T08:10:00Z;
check if target("https://api.example/calendar");
check all scope($scope), {{"calendar.read", "calendar.write"}}.contains($scope);
"#
        )
    );
    let hop = biscuit.print_block_source(1).unwrap();
    let wit_of_block = hop.split('"').nth(1).unwrap();
    assert_eq!(wit_of_block.rsplit_once('.').unwrap().0, wit.rsplit_once('.').unwrap().0);
    assert_eq!(
        hop.replace(wit_of_block, "WIT"),
        r#"wit("WIT");
expires(2027-01-15T08:10:00Z);
permits("calendar.read");
check if time($time), $time < 2027-01-15T08:10:00Z;
check all scope($scope), {"calendar.read"}.contains($scope);
"#
    );
}
