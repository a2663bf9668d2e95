//! What should come of a request by the rules alone, as docs/design.md tells them. It knows nothing of tokens' form.

use std::collections::BTreeSet;

pub(super) type Scopes = BTreeSet<&'static str>;

/// Policy for one workload at one target.
pub(super) struct Permit {
    pub(super) workload: usize,
    pub(super) target: usize,
    pub(super) scopes: Scopes,
    pub(super) ttl: u64,
    pub(super) depth: usize,
    pub(super) repeats: bool,
}

pub(super) struct UserToken {
    pub(super) exp: u64,
    pub(super) scope: Option<Scopes>,
}

/// What is known of a token once it is granted.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Token {
    pub(super) is_biscuit: bool,
    /// Of a Biscuit, what each holder had who handed it on where the service did not see it, the first one first.
    pub(super) handed_on: Vec<Scopes>,
    pub(super) scope: Scopes,
    pub(super) target: usize,
    /// Who acts, newest first.
    pub(super) chain: Vec<usize>,
    /// Whose key it is bound to.
    pub(super) key: usize,
    pub(super) exp: u64,
    /// The number of its delegation.
    pub(super) delegation: usize,
}

struct Delegation {
    /// The user's token, the agent and the target: what it is known by.
    begun: (usize, usize, usize),
    until: u64,
    is_revoked: bool,
}

#[derive(Clone, Copy, Debug)]
pub(super) enum Subject {
    User(usize),
    Token(usize),
}

#[derive(Clone, Debug)]
pub(super) struct Request {
    pub(super) subject: Subject,
    pub(super) caller: usize,
    pub(super) key: usize,
    /// Whose WIT comes with it.
    pub(super) actor: Option<usize>,
    pub(super) target: usize,
    pub(super) scope: Option<Scopes>,
    pub(super) as_biscuit: bool,
}

pub(super) struct Model {
    pub(super) permits: Vec<Permit>,
    /// Who serves each target.
    pub(super) servers: Vec<Option<usize>>,
    pub(super) all_scopes: Scopes,
    pub(super) users: Vec<UserToken>,
    /// The end of every WIT.
    pub(super) wits: Vec<u64>,
    pub(super) tokens: Vec<Token>,
    delegations: Vec<Delegation>,
}

type Refusal = &'static str;

impl Permit {
    /// Of what is asked for, or else of everything, what is left below `ceiling`.
    fn narrow(&self, asked: Option<&Scopes>, ceiling: &Scopes) -> Result<Scopes, Refusal> {
        let is_left = |scope: &&&'static str| ceiling.contains(**scope) && self.scopes.contains(**scope);
        let scope: Scopes = asked.unwrap_or(ceiling).iter().filter(is_left).copied().collect();
        if scope.is_empty() { Err("invalid_scope") } else { Ok(scope) }
    }
}

impl Model {
    pub(super) fn new(permits: Vec<Permit>, servers: Vec<Option<usize>>, all_scopes: Scopes, users: Vec<UserToken>) -> Self {
        Self { permits, servers, all_scopes, users, wits: Vec::new(), tokens: Vec::new(), delegations: Vec::new() }
    }

    pub(super) fn revoke(&mut self, delegation: usize) {
        self.delegations[delegation].is_revoked = true;
    }

    /// What is left of a Biscuit in the hands of `to`, when its holder leaves it `scope`.
    pub(super) fn hand_over(&mut self, biscuit: usize, to: usize, scope: Option<Scopes>) {
        let mut token = self.tokens[biscuit].clone();
        let scope = scope.unwrap_or_else(|| token.scope.clone());
        token.handed_on.push(std::mem::replace(&mut token.scope, scope));
        token.chain.insert(0, to);
        (token.key, token.exp) = (to, token.exp.min(self.wits[to]));
        self.tokens.push(token);
    }

    /// What `request` brings at `now`, in whole seconds.
    pub(super) fn ask(&mut self, request: &Request, now: u64) -> Result<Token, Refusal> {
        let (mut chain, key, mut exp, ceiling) = match request.subject {
            Subject::User(user) => {
                let exp = self.users[user].exp;
                let is_own = request.actor.is_none_or(|actor| (actor, actor) == (request.caller, request.key));
                if exp <= now || !is_own {
                    return Err("invalid_request");
                }
                (vec![request.caller], request.key, exp, self.users[user].scope.clone().unwrap_or(self.all_scopes.clone()))
            }
            Subject::Token(token) if self.tokens[token].is_biscuit => {
                let token = &self.tokens[token];
                // A Biscuit is brought back for a token, not for another Biscuit.
                if request.as_biscuit || (request.caller, request.key) != (token.chain[0], token.key) {
                    return Err("invalid_request");
                }
                if request.target != token.target {
                    return Err("invalid_target");
                }
                let (exp, ceiling) = self.unseen(token, now)?;
                (token.chain.clone(), request.key, exp, ceiling)
            }
            Subject::Token(token) => {
                let token = &self.tokens[token];
                let (holder, is_proved) = (token.chain[0], request.key == token.key);
                let is_server = self.servers[token.target] == Some(request.caller);
                let other = request.actor.filter(|actor| *actor != request.caller);
                let next = match (is_proved, request.caller == holder, other) {
                    (true, true, next) => next,
                    (false, _, None) if is_server => Some(request.caller),
                    _ => return Err("invalid_request"),
                };
                // A WIT of one's own must be for the key that was proved.
                if request.actor == Some(request.caller) && request.key != request.caller {
                    return Err("invalid_request");
                }
                let is_pulled = !is_proved;
                if !is_pulled && request.target != token.target {
                    return Err("invalid_target");
                }
                let chain = next.into_iter().chain(token.chain.iter().copied()).collect();
                (chain, other.unwrap_or(request.key), token.exp, token.scope.clone())
            }
        };
        if chain.len() > 8 {
            return Err("invalid_request");
        }
        let actor = chain[0];
        let comes_again = self.parent_length(request) < chain.len() && chain[1..].contains(&actor);
        let permit = self.permit(actor, request.target, chain.len()).filter(|permit| permit.repeats || !comes_again);
        let permit = permit.ok_or("invalid_target")?;
        let scope = permit.narrow(request.scope.as_ref(), &ceiling)?;
        exp = exp.min(now + permit.ttl);
        let delegation = self.delegation(request, exp);
        let Delegation { until, is_revoked, .. } = self.delegations[delegation];
        if is_revoked {
            return Err("invalid_request");
        }
        let wit = request.actor.map_or(u64::MAX, |actor| self.wits[actor]);
        let token = Token {
            is_biscuit: request.as_biscuit,
            handed_on: Vec::new(),
            scope,
            target: request.target,
            chain: std::mem::take(&mut chain),
            key,
            exp: exp.min(until).min(wit),
            delegation,
        };
        self.tokens.push(token.clone());
        Ok(token)
    }

    fn permit(&self, actor: usize, target: usize, actors: usize) -> Option<&Permit> {
        self.permits.iter().find(|permit| (permit.workload, permit.target) == (actor, target) && actors <= permit.depth)
    }

    /// End and scope of what reached the holder of a Biscuit: for everybody who handed it on after somebody else, policy is asked as
    /// if they had come.
    fn unseen(&self, token: &Token, now: u64) -> Result<(u64, Scopes), Refusal> {
        let Some((first, others)) = token.handed_on.split_first() else { return Ok((token.exp, token.scope.clone())) };
        let (mut exp, mut ceiling) = (token.exp, first.clone());
        for (number, had) in others.iter().enumerate() {
            let place = others.len() - number;
            let permit = self.permit(token.chain[place], token.target, token.chain.len() - place).ok_or("invalid_target")?;
            (exp, ceiling) = (exp.min(now + permit.ttl), permit.narrow(Some(had), &ceiling)?);
        }
        Ok((exp, ceiling.intersection(&token.scope).copied().collect()))
    }

    fn parent_length(&self, request: &Request) -> usize {
        match request.subject {
            Subject::User(_) => 0,
            Subject::Token(token) => self.tokens[token].chain.len(),
        }
    }

    /// The delegation that goes on, or that begins: one for each user's token, agent and target.
    fn delegation(&mut self, request: &Request, until: u64) -> usize {
        let begun = match request.subject {
            Subject::Token(token) => return self.tokens[token].delegation,
            Subject::User(user) => (user, request.caller, request.target),
        };
        self.delegations.iter().position(|known| known.begun == begun).unwrap_or_else(|| {
            self.delegations.push(Delegation { begun, until, is_revoked: false });
            self.delegations.len() - 1
        })
    }
}
