//! Workloads: whose WITs are believed, and remembered.

use core::time::Duration;
use std::collections::HashMap;
use std::sync::Arc;

use procura_token::{UnixTime, Unverified, Verified, VerifyError, Wit};

use crate::cache::Cache;
use crate::{BuildError, Cause, Guard, Keys};

/// The most leeway on the time of a WIT.
const MAX_WIT_SKEW: Duration = Duration::from_secs(60);

/// The trust domains whose workloads may call.
pub(crate) struct Workloads {
    /// By origin, such as `spiffe://prod.example`: keys speak for the names of their own domain alone.
    domains: HashMap<Box<str>, Keys>,
    wits: Cache<Wit>,
}

impl Workloads {
    pub(crate) fn new(given: Vec<(Box<str>, Keys)>) -> Result<Self, BuildError> {
        let mut domains = HashMap::new();
        for (origin, keys) in given {
            if domains.insert(origin.clone(), keys).is_some() {
                return Err(BuildError::TrustDomain(origin.into()));
            }
        }
        Ok(Self { domains, wits: Cache::default() })
    }
}

impl Guard {
    /// Verifies a WIT with the keys of the trust domain that its `sub` names (WIMSE workload credentials section 5.1.4). Its
    /// key is proved elsewhere.
    pub(crate) async fn verify_wit(&self, text: &str, now: UnixTime) -> Result<Arc<Verified<Wit>>, Cause> {
        let Workloads { domains, wits } = &self.0.workloads;
        let skew = self.0.skew.min(MAX_WIT_SKEW);
        let domain = |origin: &str| domains.get(origin).ok_or(Cause::TrustDomain);
        if let Some((revision, wit)) = wits.get(text)
            && domain(wit.id().origin())?.current(now).await?.revision == revision
        {
            wit.verify_time(now, skew).map_err(Cause::Wit)?;
            return Ok(wit);
        }
        let unverified = Unverified::<Wit>::parse(text).map_err(|error| Cause::Wit(error.into()))?;
        let keys = domain(unverified.origin())?;
        let algorithm = unverified.algorithm();
        if !self.0.token_algorithms.contains(&algorithm) {
            return Err(Cause::Wit(VerifyError::AlgorithmNotAllowed(algorithm)));
        }
        let mut current = keys.current(now).await?;
        if !current.keys.knows(unverified.key_id()) {
            current = keys.newer(now).await?;
        }
        let wit = Arc::new(unverified.verify(&current.keys, skew, now).map_err(Cause::Wit)?);
        wits.insert(text, current.revision, Arc::clone(&wit));
        Ok(wit)
    }
}
