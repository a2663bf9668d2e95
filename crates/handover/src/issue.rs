//! Making a Biscuit, and handing it over.

use procura_token::{
    AccessToken, Jwk, JwkConfirmation, ParseError, ScopeSet, SignError, Signer, UnixTime, Unverified, Wit, base64url,
};
use serde::Deserialize;

use crate::container::Container;
use crate::statement::{Authority, HopStatement};
use crate::{MAX_BISCUIT, MAX_HOPS, UnverifiedHandover, key, malformed};

/// Why there is no Biscuit.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum HandOverError {
    /// What is to be said cannot be.
    #[error(transparent)]
    Malformed(#[from] ParseError),
    /// The key could not be used.
    #[error(transparent)]
    Sign(#[from] SignError),
    /// The key is not that of the present holder.
    #[error("the key is not the one the Biscuit is held by")]
    Holder,
    /// More than the present holder may do, or for longer.
    #[error("more than is left to hand over")]
    Wider,
}

/// A delegation to be issued as a Biscuit.
#[derive(Clone, Copy, Debug)]
pub struct NewHandover<'a> {
    /// What it says. Bound to `holder`'s key, of the current actor, who is its `client_id`.
    pub token: &'a AccessToken,
    /// The key of the first holder: P-256 or Ed25519.
    pub holder: &'a Jwk,
}

impl NewHandover<'_> {
    /// Whether a Biscuit can be held by `key`: P-256 or Ed25519.
    pub fn can_be_held_by(key: &Jwk) -> bool {
        key::biscuit_key(key).is_ok()
    }

    /// Signs it with an Ed25519 key of the issuer.
    ///
    /// # Errors
    /// [`HandOverError`] if a Biscuit cannot say it, or the key cannot be used.
    pub fn issue(&self, root: &dyn Signer) -> Result<String, HandOverError> {
        if key::biscuit_key(root.public_key())?.algorithm != 0 {
            return Err(HandOverError::Malformed(ParseError::Key("a root key that is not Ed25519")));
        }
        let text = Container::issue(Authority::new(self.token, self.holder)?.write(), root)?.to_text();
        // What nobody would accept is not given out: more groups or scopes than there is room for, say.
        UnverifiedHandover::parse(&text)?;
        Ok(text)
    }
}

/// To whom a Biscuit is handed, and how much of it.
#[derive(Clone, Debug)]
pub struct HandOver<'a> {
    /// The WIT of who gets it. The Biscuit is then worth something to the holder of its key alone, and ends with it.
    pub wit: &'a str,
    /// What is left of its scope; `None` for all of it.
    pub scope: Option<&'a ScopeSet>,
    /// Until when; `None` for as long as it lasts.
    pub until: Option<UnixTime>,
}

impl UnverifiedHandover {
    /// Hands the Biscuit over: one block more, signed by `holder`, whose Biscuit it is. No server is asked.
    ///
    /// Not checked: the WIT, which whoever redeems the Biscuit verifies.
    ///
    /// # Errors
    /// [`HandOverError`] if more is handed over than there is, or `holder` is not the key it is held by.
    pub fn hand_over(&self, holder: &dyn Signer, to: &HandOver<'_>) -> Result<String, HandOverError> {
        let scope = to.scope.unwrap_or_else(|| self.scope());
        let expires = to.until.unwrap_or_else(|| self.expires());
        if !scope.is_subset(self.scope()) || expires > self.expires() {
            return Err(HandOverError::Wider);
        }
        if self.hops.len() >= MAX_HOPS {
            return Err(malformed("handed over 7 times already").into());
        }
        if self.holder()?.thumbprint() != holder.public_key().thumbprint() {
            return Err(HandOverError::Holder);
        }
        key::biscuit_key(&unverified_key(to.wit)?)?;
        let block = HopStatement { wit: to.wit.to_owned(), scope: scope.clone(), expires: expires.whole_secs() }.write();
        let text = self.container.clone().append(block, holder, key::biscuit_key(holder.public_key())?)?.to_text();
        if text.len() > MAX_BISCUIT {
            return Err(ParseError::TooLong { limit: MAX_BISCUIT }.into());
        }
        UnverifiedHandover::parse(&text)?;
        Ok(text)
    }

    /// The key it claims to be held by.
    ///
    /// # Errors
    /// [`ParseError`] if the last WIT in it is none.
    pub fn holder(&self) -> Result<Jwk, ParseError> {
        self.hops.last().map_or_else(|| Ok(self.authority.holder.clone()), |hop| unverified_key(&hop.wit))
    }
}

/// The key of a WIT nobody verified: to tell early what others would refuse.
fn unverified_key(wit: &str) -> Result<Jwk, ParseError> {
    #[derive(Deserialize)]
    struct Claims {
        cnf: JwkConfirmation,
    }
    Unverified::<Wit>::parse(wit)?;
    let payload = base64url::decode(wit.split('.').nth(1).unwrap_or_default())?;
    procura_token::parse_json::<Claims>(&payload).map(|claims| claims.cnf.jwk)
}
