//! What may happen: who may do what, and who tries what, in which order.

use std::fmt;

use proptest::prelude::*;
use proptest::sample::Index;

/// Everybody who takes part. The last ones are servers: what is for a target, its server was sent.
pub(crate) const WORKLOADS: [&str; 6] = ["/agent/a", "/agent/b", "/agent/c", "/agent/d", "/server/x", "/server/y"];
/// The targets, each with the workload that serves it.
pub(crate) const TARGETS: [(&str, Option<usize>); 3] =
    [("https://x.test/api", Some(4)), ("https://y.test/api", Some(5)), ("https://z.test/api", None)];
/// What a token may permit at any of them.
const SCOPES: [&str; 4] = ["read", "write", "share", "delete"];
/// How many users there are.
const USERS: usize = 2;

/// Some of the scopes, one bit each.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) struct Scopes(u8);

impl Scopes {
    pub(crate) fn parse(text: &str) -> Self {
        let bit = |name| 1 << SCOPES.iter().position(|known| *known == name).unwrap();
        Self(text.split(' ').filter(|name| !name.is_empty()).map(bit).sum())
    }

    /// Whether there is nothing in it that `other` has not.
    pub(crate) const fn is_within(self, other: Self) -> bool {
        self.0 & !other.0 == 0
    }

    fn names(self) -> impl Iterator<Item = &'static str> {
        SCOPES.into_iter().enumerate().filter(move |(bit, _)| self.0 >> bit & 1 == 1).map(|(_, name)| name)
    }

    pub(crate) fn all() -> Vec<&'static str> {
        SCOPES.to_vec()
    }
}

impl fmt::Display for Scopes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.names().collect::<Vec<_>>().join(" "))
    }
}

impl fmt::Debug for Scopes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "`{self}`")
    }
}

#[derive(Clone, Debug)]
pub(crate) struct Plan {
    pub(crate) users: Vec<User>,
    pub(crate) permits: Vec<Permit>,
    pub(crate) events: Vec<Event>,
}

/// A user's token: how long it lasts, and the scopes that it may be acted on for.
#[derive(Clone, Debug)]
pub(crate) struct User {
    pub(crate) lasts: u64,
    pub(crate) scope: Option<Scopes>,
}

/// What policy lets one workload do at one target.
#[derive(Clone, Debug)]
pub(crate) struct Permit {
    pub(crate) workload: usize,
    pub(crate) target: usize,
    pub(crate) scopes: Scopes,
    pub(crate) ttl: Option<u64>,
    pub(crate) depth: Option<usize>,
    pub(crate) repeats: bool,
}

/// What happens next. An [`Index`] chooses among the tokens that are there by then.
#[derive(Clone, Debug)]
pub(crate) enum Event {
    /// `key` makes the proof: not always the caller's own.
    Begin { user: usize, caller: usize, key: usize, target: usize, scope: Option<Scopes> },
    /// Whoever acts in the token asks again.
    Continue { token: Index, scope: Option<Scopes> },
    /// Whoever acts in the token hands it to another.
    Push { token: Index, to: usize, scope: Option<Scopes> },
    /// The server that the token was sent to calls further.
    Pull { token: Index, target: usize, scope: Option<Scopes> },
    /// Whoever acts in the token takes it as a Biscuit, which goes from hand to hand, each time with no more than these scopes;
    /// so many seconds later the last one brings it back.
    HandOver { token: Index, path: Vec<(usize, Option<Scopes>)>, wait: u64, scope: Option<Scopes> },
    /// Another proves the key of whoever acts.
    Borrow { token: Index, caller: usize, actor: Option<usize>, scope: Option<Scopes> },
    /// Anybody tries anything.
    Try { token: Index, caller: usize, key: usize, actor: Option<usize>, target: usize, scope: Option<Scopes> },
    /// So many seconds pass.
    Wait(u64),
    /// Somebody revokes the delegation that the token belongs to.
    Revoke(Index),
}

impl Plan {
    pub(crate) fn permit(&self, workload: usize, target: usize) -> Option<&Permit> {
        self.permits.iter().find(|permit| (permit.workload, permit.target) == (workload, target))
    }

    /// The permits in Cedar.
    pub(crate) fn policies(&self) -> String {
        self.permits.iter().map(Permit::to_cedar).collect()
    }

    pub(crate) fn any() -> impl Strategy<Value = Self> {
        let pairs = (0..WORKLOADS.len()).flat_map(|workload| (0..TARGETS.len()).map(move |target| (workload, target)));
        let permits: Vec<_> = pairs.map(|(workload, target)| permit(workload, target)).collect();
        (prop::collection::vec(user(), USERS), permits, prop::collection::vec(event(), 10..60))
            .prop_map(|(users, permits, events)| Self { users, permits: permits.into_iter().flatten().collect(), events })
    }
}

impl Permit {
    fn to_cedar(&self) -> String {
        let Self { workload, target, scopes, ttl, depth, repeats } = self;
        let ttl = ttl.map_or_else(String::new, |ttl| format!("@ttl(\"{ttl}s\") "));
        let depth = depth.map_or_else(String::new, |depth| format!("@depth(\"{depth}\") "));
        let repeats = if *repeats { "@repeats(\"allowed\") " } else { "" };
        let (workload, target) = (id(WORKLOADS[*workload]), TARGETS[*target].0);
        let scopes: Vec<_> = scopes.names().collect();
        format!(
            "{ttl}{depth}{repeats}permit(principal == Workload::\"{workload}\", action == Action::\"delegate\", \
             resource == Target::\"{target}\") when {{ {scopes:?}.contains(context.scope) }};\n"
        )
    }
}

pub(crate) fn id(path: &str) -> String {
    format!("spiffe://dev.procura.test{path}")
}

fn user() -> impl Strategy<Value = User> {
    (300..7200_u64, prop::option::weighted(0.3, scopes())).prop_map(|(lasts, scope)| User { lasts, scope })
}

fn permit(workload: usize, target: usize) -> impl Strategy<Value = Option<Permit>> {
    let ttl = prop::option::of(60..3000_u64);
    let limits = (prop::option::weighted(0.3, 2..=8_usize), prop::bool::weighted(0.3));
    let permit = (scopes(), ttl, limits).prop_map(move |(scopes, ttl, (depth, repeats))| Permit {
        workload,
        target,
        scopes,
        ttl,
        depth,
        repeats,
    });
    prop::option::weighted(0.9, permit)
}

/// More often many than few.
fn scopes() -> impl Strategy<Value = Scopes> {
    (1..16_u8, 0..16_u8).prop_map(|(some, more)| Scopes(some | more))
}

fn event() -> impl Strategy<Value = Event> {
    let (workload, target) = (0..WORKLOADS.len(), 0..TARGETS.len());
    let scope = || prop::option::weighted(0.3, scopes());
    let token = any::<Index>;
    let key = prop::option::weighted(0.2, workload.clone());
    prop_oneof![
        5 => (0..USERS, workload.clone(), key, target.clone(), scope()).prop_map(|(user, caller, key, target, scope)| {
            Event::Begin { user, caller, key: key.unwrap_or(caller), target, scope }
        }),
        5 => (token(), scope()).prop_map(|(token, scope)| Event::Continue { token, scope }),
        16 => (token(), workload.clone(), scope()).prop_map(|(token, to, scope)| Event::Push { token, to, scope }),
        8 => (token(), target.clone(), scope()).prop_map(|(token, target, scope)| Event::Pull { token, target, scope }),
        6 => (token(), prop::collection::vec((workload.clone(), scope()), 1..4), 0..400_u64, scope())
            .prop_map(|(token, path, wait, scope)| Event::HandOver { token, path, wait, scope }),
        3 => (token(), workload.clone(), prop::option::of(workload.clone()), scope())
            .prop_map(|(token, caller, actor, scope)| Event::Borrow { token, caller, actor, scope }),
        6 => (token(), [workload.clone(), workload.clone()], prop::option::of(workload), target, scope()).prop_map(
            |(token, [caller, key], actor, target, scope)| Event::Try { token, caller, key, actor, target, scope }
        ),
        2 => (1..600_u64).prop_map(Event::Wait),
        1 => token().prop_map(Event::Revoke),
    ]
}
