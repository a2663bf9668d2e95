//! SPIFFE bundles: who vouches for the workloads of one trust domain (SPIFFE Trust Domain and Bundle section 4).

use core::time::Duration;

use serde::Deserialize;
use serde_json::Value;

use crate::json::{self, present};
use crate::x509::{LeftOut, X509Authorities};
use crate::{Jwk, JwkSet, KeySet, MAX_KEYS, ParseError, VerifyingKey};

/// The keys of one trust domain, apart by what they vouch for: a key of one kind never counts for another.
///
/// It does not say of which trust domain it is: who fetched it knows, and keeps the two together.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Bundle {
    /// `jwt-svid`: keys that sign JWT-SVIDs. Each has a `kid`.
    pub jwt: KeySet,
    /// `wit-svid`: keys that sign WIT-SVIDs. Each has a `kid`.
    pub wit: KeySet,
    /// `x509-svid`: authorities of X.509-SVIDs.
    pub x509: X509Authorities,
    /// `spiffe_sequence`: grows with every change, where its publisher counts.
    pub sequence: Option<u64>,
    /// `spiffe_refresh_hint`: how often its publisher asks to be asked. As published; whoever polls sets the limits.
    pub refresh_hint: Option<Duration>,
}

#[derive(Deserialize)]
struct Raw {
    keys: Vec<Value>,
    #[serde(default, deserialize_with = "present")]
    spiffe_sequence: Option<u64>,
    #[serde(default, deserialize_with = "present")]
    spiffe_refresh_hint: Option<u64>,
}

impl Bundle {
    /// Parses a bundle of at most [`MAX_KEYS`] entries, and says what it left out.
    ///
    /// Entries without `use` or of another use are passed over in silence, as are further members (sections 4.1 and 4.2).
    /// Entries of the three uses that cannot be used are left out and named; so are `jwt-svid` and `wit-svid` entries without
    /// `kid`. No entry at all makes a bundle that vouches for nobody.
    ///
    /// # Errors
    /// [`ParseError`] if it is not a JSON object with an array `keys`, has too many entries, or its sequence or refresh hint
    /// is no unsigned integer of 64 bits.
    pub fn parse(json: &[u8]) -> Result<(Self, Vec<LeftOut>), ParseError> {
        let raw: Raw = json::parse(json)?;
        if raw.keys.len() > MAX_KEYS {
            return Err(ParseError::value("`keys`", "more than 64 keys"));
        }
        let mut left_out = Vec::new();
        let bundle = Self {
            jwt: keys(&raw.keys, &[Some("jwt-svid")], &mut left_out),
            wit: keys(&raw.keys, &[Some("wit-svid")], &mut left_out),
            x509: X509Authorities::of_entries(&raw.keys, &mut left_out),
            sequence: raw.spiffe_sequence,
            refresh_hint: raw.spiffe_refresh_hint.map(Duration::from_secs),
        };
        Ok((bundle, left_out))
    }

    /// Parses the keys of one kind, as the SPIFFE Workload API gives them: a JWK Set of at most [`MAX_KEYS`] entries whose `use`
    /// is `public_key_use` or absent, for the call says what they are for. Says what it left out: keys without `kid`, and what
    /// is no key that can be used.
    ///
    /// # Errors
    /// [`ParseError`], as [`Bundle::parse`].
    pub fn parse_keys(json: &[u8], public_key_use: &str) -> Result<(KeySet, Vec<LeftOut>), ParseError> {
        let raw: Raw = json::parse(json)?;
        if raw.keys.len() > MAX_KEYS {
            return Err(ParseError::value("`keys`", "more than 64 keys"));
        }
        let mut left_out = Vec::new();
        let set = keys(&raw.keys, &[None, Some(public_key_use)], &mut left_out);
        Ok((set, left_out))
    }

    /// Whether it vouches for nobody.
    pub const fn is_empty(&self) -> bool {
        self.jwt.is_empty() && self.wit.is_empty() && self.x509.is_empty()
    }
}

/// The usable entries whose `use` is one of `uses`, where `None` stands for none at all.
fn keys(entries: &[Value], uses: &[Option<&str>], left_out: &mut Vec<LeftOut>) -> KeySet {
    let mut set = JwkSet::default();
    let wanted = |jwk: &Value| match jwk.get("use") {
        None => jwk.is_object() && uses.contains(&None),
        Some(public_key_use) => public_key_use.as_str().is_some_and(|text| uses.contains(&Some(text))),
    };
    for (entry, jwk) in entries.iter().enumerate().filter(|(_, jwk)| wanted(jwk)) {
        match Jwk::parse(jwk.to_string().as_bytes()).and_then(|jwk| VerifyingKey::new(&jwk).map(|_| jwk)) {
            Ok(jwk) if jwk.key_id.is_none() => left_out.push(LeftOut::NoKeyId { entry }),
            Ok(jwk) => set.keys.push(jwk),
            Err(cause) => left_out.push(LeftOut::NoKey { entry, cause }),
        }
    }
    KeySet::new(&set, uses)
}
