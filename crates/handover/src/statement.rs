//! What the blocks say. Each is written from its values alone, and read by writing it again.

use biscuit_auth::builder::{Fact, Term, string};
use procura_token::{
    AccessToken, Actor, ActorChain, Authentication, Confirmation, Delegation, Jwk, ParseError, Scope, ScopeSet, UnixTime,
    VerifyingKey,
};

use crate::block::{self, Value};
use crate::{key, malformed};

/// The version of these statements.
const VERSION: i64 = 1;
/// Of Biscuit's blocks: the first with `check all`, and the first that others may sign.
const AUTHORITY_BLOCK: u32 = 4;
const HOP_BLOCK: u32 = 5;

/// The first block: a delegation, and the key of whom it was issued to.
#[derive(Clone, Debug)]
pub(crate) struct Authority {
    pub(crate) token: AccessToken,
    pub(crate) holder: Jwk,
    pub(crate) key: VerifyingKey,
}

/// Every other block: who is next, and what is left of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct HopStatement {
    pub(crate) wit: String,
    pub(crate) scope: ScopeSet,
    pub(crate) expires: UnixTime,
}

fn fact(name: &str, terms: impl IntoIterator<Item = Term>) -> Fact {
    Fact::new(name.to_owned(), terms.into_iter().collect::<Vec<_>>())
}

fn text(name: &str, value: impl AsRef<str>) -> Fact {
    fact(name, [string(value.as_ref())])
}

fn date(time: UnixTime) -> Term {
    Term::Date(time.as_secs())
}

impl Authority {
    /// What of `token` a Biscuit can say, held by `holder`.
    ///
    /// # Errors
    /// [`ParseError`] if it is no delegation, permits nothing, or is bound to another key.
    #[cfg(feature = "sign")]
    pub(crate) fn new(token: &AccessToken, holder: &Jwk) -> Result<Self, ParseError> {
        let holder = Jwk::parse(holder.canonical().as_bytes())?;
        key::biscuit_key(&holder)?;
        if token.scope.is_empty() || token.cnf != Confirmation::Key(holder.thumbprint()) {
            return Err(malformed("permits nothing, or is bound to another key"));
        }
        if token.act.as_ref().is_none_or(|act| act.current().id != token.client_id) || token.delegation.is_none() {
            return Err(malformed("not a delegation of the current actor"));
        }
        if token.authorization_details.is_some() {
            return Err(malformed("it has authorization details, and no hand-over says how they get less"));
        }
        if token.groups.is_none() {
            return Err(malformed("it does not say which groups its user is in"));
        }
        Ok(Self { key: VerifyingKey::new(&holder)?, token: token.clone(), holder })
    }

    pub(crate) fn write(&self) -> Vec<u8> {
        let Self { token, holder, .. } = self;
        let mut facts = vec![
            fact("handover", [Term::Integer(VERSION)]),
            text("issuer", token.iss.as_str()),
            text("token", token.jti.as_str()),
            fact("issued", [date(token.iat)]),
            fact("expires", [date(token.exp)]),
            text("subject", token.sub.as_str()),
            text("audience", token.aud.as_str()),
            text("holder", holder.canonical()),
        ];
        facts.extend(token.delegation.iter().map(|it| fact("delegation", [string(it.id.as_str()), date(it.until)])));
        facts.extend(token.delegation.iter().filter_map(|it| it.parent.as_ref()).map(|parent| text("parent", parent.as_str())));
        for (place, actor) in (0..).zip(token.act.iter().flat_map(ActorChain::iter)) {
            let profile = actor.profile.as_deref().map(string);
            facts.push(fact("actor", [Term::Integer(place), string(actor.id.as_str())].into_iter().chain(profile)));
        }
        facts.extend(token.groups.iter().flatten().map(|group| text("group", group)));
        facts.extend(token.scope.iter().map(|scope| text("permits", scope.as_str())));
        let Authentication { auth_time, acr, amr } = &token.authentication;
        facts.extend(auth_time.map(|time| fact("auth_time", [date(time)])));
        facts.extend(acr.iter().map(|acr| text("acr", acr)));
        facts.extend(amr.iter().flatten().map(|amr| text("amr", amr)));
        let checks = [block::ends(token.exp), block::is_for(&token.aud), block::permits(&token.scope)];
        block::write(&facts, &checks, AUTHORITY_BLOCK)
    }

    /// # Errors
    /// [`ParseError`] for every block that [`Authority::write`] would not have written.
    pub(crate) fn read(bytes: &[u8]) -> Result<Self, ParseError> {
        let mut read = RawAuthority::default();
        block::read(bytes, |name, terms| read.take(name, terms))?;
        let authority = read.refine().ok_or(malformed("the first block lacks a statement"))??;
        if authority.write() == bytes { Ok(authority) } else { Err(malformed("the first block is not in its one form")) }
    }
}

#[derive(Default)]
struct RawAuthority<'a> {
    version: Option<i64>,
    issuer: Option<&'a str>,
    token: Option<&'a str>,
    issued: Option<UnixTime>,
    expires: Option<UnixTime>,
    subject: Option<&'a str>,
    audience: Option<&'a str>,
    holder: Option<&'a str>,
    delegation: Option<(&'a str, UnixTime)>,
    parent: Option<&'a str>,
    actors: Vec<(&'a str, Option<&'a str>)>,
    groups: Vec<&'a str>,
    permits: Vec<&'a str>,
    auth_time: Option<UnixTime>,
    acr: Option<&'a str>,
    amr: Vec<&'a str>,
}

impl<'a> RawAuthority<'a> {
    /// What stands twice is written once, and so refused.
    fn take(&mut self, name: &str, terms: &[Value<'a>]) -> Result<(), ParseError> {
        match (name, terms) {
            ("handover", [Value::Number(version)]) => self.version = Some(*version),
            ("issuer", [Value::Text(issuer)]) => self.issuer = Some(issuer),
            ("token", [Value::Text(id)]) => self.token = Some(id),
            ("issued", [Value::Date(time)]) => self.issued = Some(*time),
            ("expires", [Value::Date(time)]) => self.expires = Some(*time),
            ("subject", [Value::Text(subject)]) => self.subject = Some(subject),
            ("audience", [Value::Text(audience)]) => self.audience = Some(audience),
            ("holder", [Value::Text(jwk)]) => self.holder = Some(jwk),
            ("delegation", [Value::Text(id), Value::Date(until)]) => self.delegation = Some((id, *until)),
            ("parent", [Value::Text(id)]) => self.parent = Some(id),
            ("actor", [Value::Number(_), Value::Text(id)]) => self.actors.push((id, None)),
            ("actor", [Value::Number(_), Value::Text(id), Value::Text(profile)]) => self.actors.push((id, Some(profile))),
            ("group", [Value::Text(group)]) => self.groups.push(group),
            ("permits", [Value::Text(scope)]) => self.permits.push(scope),
            ("auth_time", [Value::Date(time)]) => self.auth_time = Some(*time),
            ("acr", [Value::Text(acr)]) => self.acr = Some(acr),
            ("amr", [Value::Text(amr)]) => self.amr.push(amr),
            _ => return Err(malformed("the first block says something unknown")),
        }
        Ok(())
    }

    /// Nothing if a statement is missing.
    fn refine(self) -> Option<Result<Authority, ParseError>> {
        let (VERSION, delegation, holder) = (self.version?, self.delegation?, self.holder?) else {
            return Some(Err(malformed("another version of hand-overs")));
        };
        let (issuer, token, subject, audience) = (self.issuer?, self.token?, self.subject?, self.audience?);
        let (issued, expires) = (self.issued?, self.expires?);
        let build = || {
            let act = chain(&self.actors)?;
            let holder = Jwk::parse(holder.as_bytes())?;
            key::biscuit_key(&holder)?;
            let parent = self.parent.map(str::parse).transpose()?;
            let amr = (!self.amr.is_empty()).then(|| self.amr.iter().map(|amr| (*amr).to_owned()).collect());
            let token = AccessToken {
                iss: issuer.parse()?,
                sub: subject.parse()?,
                aud: audience.parse()?,
                client_id: act.current().id.clone(),
                iat: issued,
                exp: expires,
                jti: token.parse()?,
                scope: scope(&self.permits)?,
                act: Some(act),
                cnf: Confirmation::Key(holder.thumbprint()),
                delegation: Some(Delegation { id: delegation.0.parse()?, until: delegation.1, parent }),
                authentication: Authentication { auth_time: self.auth_time, acr: self.acr.map(str::to_owned), amr },
                authorization_details: None,
                groups: Some(self.groups.iter().map(|group| (*group).to_owned()).collect()),
            };
            Ok(Authority { token, key: VerifyingKey::new(&holder)?, holder })
        };
        Some(build())
    }
}

fn chain(actors: &[(&str, Option<&str>)]) -> Result<ActorChain, ParseError> {
    let actor = |(id, profile): &(&str, Option<&str>)| Ok(Actor { id: id.parse()?, profile: profile.map(str::to_owned) });
    let mut oldest_first = actors.iter().rev().map(actor);
    let first = oldest_first.next().ok_or(malformed("the first block names no actor"))??;
    oldest_first.try_fold(ActorChain::new(first), |chain, next| chain.extend(next?))
}

fn scope(permits: &[&str]) -> Result<ScopeSet, ParseError> {
    if permits.is_empty() {
        return Err(malformed("a block permits nothing"));
    }
    permits.iter().map(|scope| scope.parse::<Scope>()).collect()
}

impl HopStatement {
    pub(crate) fn write(&self) -> Vec<u8> {
        let mut facts = vec![text("wit", &self.wit), fact("expires", [date(self.expires)])];
        facts.extend(self.scope.iter().map(|scope| text("permits", scope.as_str())));
        block::write(&facts, &[block::ends(self.expires), block::permits(&self.scope)], HOP_BLOCK)
    }

    /// # Errors
    /// [`ParseError`] for every block that [`HopStatement::write`] would not have written.
    pub(crate) fn read(bytes: &[u8]) -> Result<Self, ParseError> {
        let (mut wit, mut expires, mut permits) = (None, None, Vec::new());
        block::read(bytes, |name, terms| {
            match (name, terms) {
                ("wit", [Value::Text(text)]) => wit = Some(*text),
                ("expires", [Value::Date(time)]) => expires = Some(*time),
                ("permits", [Value::Text(scope)]) => permits.push(*scope),
                _ => return Err(malformed("a hand-over says something unknown")),
            }
            Ok(())
        })?;
        let (Some(wit), Some(expires)) = (wit, expires) else { return Err(malformed("a hand-over lacks a statement")) };
        let hop = Self { wit: wit.to_owned(), scope: scope(&permits)?, expires };
        if hop.write() == bytes { Ok(hop) } else { Err(malformed("a hand-over is not in its one form")) }
    }
}
