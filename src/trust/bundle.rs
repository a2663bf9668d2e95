//! What an authority's document holds: a trust domain's bundle, or the key set of an issuer.

use procura_token::{Bundle, JwkSet, KeySet, LeftOut};

/// What a fetched document holds.
pub(super) trait Material: Clone + Default + PartialEq + Send + Sync + 'static {
    /// Reads a document, and says what of it is odd.
    fn parse(document: &[u8]) -> Result<(Self, Vec<LeftOut>), String>;

    /// Why it must not take the place of `old`, if it must not.
    fn objection(&self, old: &Self) -> Option<String>;

    /// Adds what holds besides the fetched: ours, where we are the authority too.
    fn extend(&mut self, own: &Self);
}

/// A JWK Set: its keys for signatures, and those without a `use`.
impl Material for KeySet {
    fn parse(document: &[u8]) -> Result<(Self, Vec<LeftOut>), String> {
        let set = JwkSet::parse(document).map_err(|cause| format!("not a JWK Set: {cause}"))?;
        Ok((Self::new(&set, &[None, Some("sig")]), Vec::new()))
    }

    fn objection(&self, _: &Self) -> Option<String> {
        None
    }

    fn extend(&mut self, own: &Self) {
        self.extend(own);
    }
}

/// A SPIFFE bundle. One that counts goes on counting (SPIFFE federation section 4.2): an older one is no news.
impl Material for Bundle {
    fn parse(document: &[u8]) -> Result<(Self, Vec<LeftOut>), String> {
        Self::parse(document).map_err(|cause| format!("not a SPIFFE bundle: {cause}"))
    }

    fn objection(&self, old: &Self) -> Option<String> {
        let (new, old) = (self.sequence?, old.sequence?);
        (new < old).then(|| format!("its sequence {new} is lower than {old}, which is in use"))
    }

    /// We sign WITs and nothing else.
    fn extend(&mut self, own: &Self) {
        self.wit.extend(&own.wit);
    }
}
