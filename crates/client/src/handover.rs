//! A delegation in this agent's hands that it can give on without asking anybody.

use procura_handover::{HandOver, HandOverError, UnverifiedHandover};
use procura_token::{Issuer, ParseError, Resource, ScopeSet, TokenType, UnixTime};

use crate::{AgentKey, ExchangeRequest, HeldWit, Secret};

/// A Biscuit that this agent holds, or is about to hand on. Well formed, not verified: whoever it is shown to does that.
///
/// It is got like any delegation, by [`ExchangeRequest::as_biscuit`] or from the agent that had it before, and used in three ways:
/// handed over ([`Biscuit::hand_over`]), exchanged for an access token ([`Biscuit::redeem`]), or shown to a resource that takes
/// Biscuits, in `Authorization: DPoP` beside a proof by this agent's key.
#[derive(Clone, Debug)]
pub struct Biscuit {
    text: Secret,
    content: UnverifiedHandover,
}

/// How much of a Biscuit is handed over.
#[derive(Clone, Debug, Default)]
pub struct Narrowing {
    /// Only this of its scope.
    pub scope: Option<ScopeSet>,
    /// Only until then.
    pub until: Option<UnixTime>,
}

impl Biscuit {
    /// Reads a Biscuit, without white space around it.
    ///
    /// # Errors
    /// [`ParseError`] if it is no delegation of the form that is handed over.
    pub fn parse(text: &str) -> Result<Self, ParseError> {
        Ok(Self { content: UnverifiedHandover::parse(text)?, text: Secret::new(text) })
    }

    /// The Biscuit itself.
    pub const fn text(&self) -> &Secret {
        &self.text
    }

    /// Who issued it, as it says.
    pub const fn issuer(&self) -> &Issuer {
        self.content.issuer()
    }

    /// What it is for.
    pub const fn target(&self) -> &Resource {
        self.content.audience()
    }

    /// What it permits there.
    pub fn scope(&self) -> &ScopeSet {
        self.content.scope()
    }

    /// When it ends; the WITs of its holders may end earlier.
    pub fn expires(&self) -> UnixTime {
        self.content.expires()
    }

    /// Hands it over to the workload of the WIT `to`, signed by `key`, which it is held by. No server is asked, and the
    /// caller keeps its own.
    ///
    /// The result is worth something to the holder of that WIT's key alone, and ends with that WIT. It names the caller for
    /// good: who hands over answers for it.
    ///
    /// # Errors
    /// [`HandOverError`] if it is not held by `key`, or that would be more than it permits.
    pub fn hand_over(&self, key: &AgentKey, to: &HeldWit, narrowing: &Narrowing) -> Result<Self, HandOverError> {
        let Narrowing { scope, until } = narrowing;
        let to = HandOver { wit: to.text().expose(), scope: scope.as_ref(), until: *until };
        Ok(Self::parse(&self.content.hand_over(key.signer(), &to)?)?)
    }

    /// Asks for an access token in its place: for those resources that do not take Biscuits. The issuer then sees who handed it
    /// over, and asks its policy about each of them.
    pub fn redeem(&self) -> ExchangeRequest {
        ExchangeRequest::delegation(self.text.clone(), TokenType::Biscuit, self.target().clone())
    }
}
