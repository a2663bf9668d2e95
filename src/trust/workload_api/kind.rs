//! The kinds of keys that the Workload API tells, each by a stream of its own, and what was told of all.

use std::collections::BTreeMap;

use procura_token::{Bundle, KeySet, LeftOut, TrustDomain, UnixTime, X509Authorities};

use super::message::{JwtBundles, WitBundles, X509Bundles};
use super::part::{Part, State};

/// One kind of keys and the stream that brings them. Which kind it is the call says, not what the keys say of themselves: a key
/// never counts for another kind (Workload API section 5.2).
pub(super) trait Kind: 'static {
    type Message: prost::Message + Default + 'static;
    type Set: Clone;
    const RPC: &'static str;

    fn bundles(message: Self::Message) -> BTreeMap<String, Vec<u8>>;
    fn parse(bundle: &[u8]) -> Result<(Self::Set, Vec<LeftOut>), String>;
    fn part(parts: &mut Parts) -> &mut Part<Self::Set>;
}

/// Authorities of X.509-SVIDs.
pub(super) struct X509;
/// Keys of JWT-SVIDs.
pub(super) struct Jwt;
/// Keys of WIT-SVIDs.
pub(super) struct Wit;

impl Kind for X509 {
    type Message = X509Bundles;
    type Set = X509Authorities;
    const RPC: &'static str = "/SpiffeWorkloadAPI/FetchX509Bundles";

    fn bundles(message: X509Bundles) -> BTreeMap<String, Vec<u8>> {
        message.bundles
    }

    fn parse(bundle: &[u8]) -> Result<(X509Authorities, Vec<LeftOut>), String> {
        X509Authorities::from_der(bundle).map_err(|cause| cause.to_string())
    }

    fn part(parts: &mut Parts) -> &mut Part<X509Authorities> {
        &mut parts.x509
    }
}

impl Kind for Jwt {
    type Message = JwtBundles;
    type Set = KeySet;
    const RPC: &'static str = "/SpiffeWorkloadAPI/FetchJWTBundles";

    fn bundles(message: JwtBundles) -> BTreeMap<String, Vec<u8>> {
        message.bundles
    }

    fn parse(bundle: &[u8]) -> Result<(KeySet, Vec<LeftOut>), String> {
        Bundle::parse_keys(bundle, "jwt-svid").map_err(|cause| cause.to_string())
    }

    fn part(parts: &mut Parts) -> &mut Part<KeySet> {
        &mut parts.jwt
    }
}

impl Kind for Wit {
    type Message = WitBundles;
    type Set = KeySet;
    const RPC: &'static str = "/SpiffeWorkloadAPI/FetchWITBundles";

    fn bundles(message: WitBundles) -> BTreeMap<String, Vec<u8>> {
        message.bundles.into_iter().map(|(domain, bundle)| (domain, bundle.into_bytes())).collect()
    }

    fn parse(bundle: &[u8]) -> Result<(KeySet, Vec<LeftOut>), String> {
        Bundle::parse_keys(bundle, "wit-svid").map_err(|cause| cause.to_string())
    }

    fn part(parts: &mut Parts) -> &mut Part<KeySet> {
        &mut parts.wit
    }
}

/// What the streams said.
#[derive(Default)]
pub(super) struct Parts {
    pub(super) x509: Part<X509Authorities>,
    pub(super) jwt: Part<KeySet>,
    pub(super) wit: Part<KeySet>,
}

impl Parts {
    /// When everything that was said of `domain` was last known to be the newest; `None` if nothing was said.
    pub(super) fn good(&self, domain: &TrustDomain) -> Option<UnixTime> {
        let x509 = self.x509.of(domain).map(|told| told.good);
        let jwt = self.jwt.of(domain).map(|told| told.good);
        let wit = self.wit.of(domain).map(|told| told.good);
        [x509, jwt, wit].into_iter().flatten().min()
    }

    pub(super) fn bundle(&self, domain: &TrustDomain) -> (Bundle, Vec<LeftOut>) {
        let (mut bundle, mut left_out) = (Bundle::default(), Vec::new());
        if let Some(told) = self.x509.of(domain) {
            bundle.x509 = told.set.clone();
            left_out.extend_from_slice(&told.left_out);
        }
        if let Some(told) = self.jwt.of(domain) {
            bundle.jwt = told.set.clone();
            left_out.extend_from_slice(&told.left_out);
        }
        if let Some(told) = self.wit.of(domain) {
            bundle.wit = told.set.clone();
            left_out.extend_from_slice(&told.left_out);
        }
        (bundle, left_out)
    }

    /// Whether a stream said nothing yet.
    pub(super) fn is_waiting(&self) -> bool {
        [self.x509.state, self.jwt.state, self.wit.state].contains(&State::Waiting)
    }

    /// Whether no stream is broken: then who is not named is unknown, and that is news of this instant.
    pub(super) fn is_whole(&self) -> bool {
        [self.x509.state, self.jwt.state, self.wit.state].iter().all(|state| matches!(state, State::Open | State::Silent))
    }
}
