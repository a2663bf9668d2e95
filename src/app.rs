//! The running service: settings of every room, made from one configuration.

mod identity;
mod settings;

use std::sync::Arc;

use procura_token::{Algorithm, Issuer, Nonces, ParseError, TrustDomain, UnixTime};

use crate::audit::{AuditError, AuditLog};
use crate::clock::Clock;
pub use crate::clock::Stopwatch;
use crate::config::{Config, ConfigError, KeyRingConfig, StoreConfig};
use crate::exchange::{Exchange, Identities, ProofKeys};
use crate::keys::{KeyFileError, KeyRing};
use crate::policy::{Policy, PolicyError, Report};
use crate::store::{ClaimStore, MemoryStore, RedisStore, StoreError};
pub use crate::trust::{IdentityWatch, WorkloadIdentity};
use crate::trust::{Now, Trust, TrustError};
pub use identity::ListenerIdentities;

/// How often the list of the disabled is looked at. What it takes away needs two looks, and all is done within a second.
const LOOK: std::time::Duration = std::time::Duration::from_millis(400);

/// Everything that answers requests.
pub struct App {
    clock: Arc<dyn Clock>,
    exchange: Exchange,
    identities: ListenerIdentities,
}

/// Why the service cannot start.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StartError {
    /// The configuration.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// A signing key.
    #[error(transparent)]
    Keys(#[from] KeyFileError),
    /// A key of our own could not be made.
    #[error("a key could not be made: {0}")]
    OwnKey(#[from] ParseError),
    /// The keys of somebody we should believe.
    #[error(transparent)]
    Trust(#[from] TrustError),
    /// The policies.
    #[error(transparent)]
    Policy(#[from] PolicyError),
    /// The store.
    #[error("store: {0}")]
    Store(#[from] StoreError),
    /// Redis does not answer, or not to us.
    #[error("store `{url}`: {cause}; start Redis there, or correct `store.url` or the password")]
    Unreachable {
        /// Where it should be.
        url: String,
        /// What happened instead.
        cause: StoreError,
    },
    /// The audit log.
    #[error(transparent)]
    Audit(#[from] AuditError),
}

/// Why no token could be issued now.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum NotReady {
    /// The store cannot be asked.
    #[error("store: {0}")]
    Store(#[from] StoreError),
    /// The audit log could not be written lately. The next request tries again.
    #[error("the audit log cannot be written")]
    Audit,
    /// A bundle that the Workload API should push never came.
    #[error("the bundle of `{0}` has not come yet")]
    Bundle(TrustDomain),
    /// The Workload API gives us no certificate to show.
    #[error("the Workload API gives no certificate for a listener")]
    Identity,
}

/// Whether every room can make its settings of the configuration. Opens no file and asks nobody.
///
/// # Errors
/// [`ConfigError`] with the key and the remedy.
pub fn agree(config: &Config) -> Result<(), ConfigError> {
    settings::exchange(config)?;
    settings::trust(config, &[])?;
    settings::targets(config).map(drop)
}

impl App {
    /// Opens keys, trust, policies, store and audit log.
    ///
    /// # Errors
    /// [`StartError`] with the place and the remedy.
    pub async fn start(config: &Config, clock: Arc<dyn Clock>) -> Result<Self, StartError> {
        let (settings, secret) = (settings::exchange(config)?, secret(config)?);
        let token_keys = KeyRing::open(&settings::key_ring(&config.keys.token), "sig")?;
        let wit_keys = KeyRing::open(&settings::key_ring(&config.keys.wit), "wit-svid")?;
        let handover_keys = config.keys.handover.as_ref().map(open_handover_keys).transpose()?;
        let time: Now = Arc::new({
            let clock = Arc::clone(&clock);
            move || clock.now()
        });
        let identities = ListenerIdentities::follow(config, &time)?;
        let trust = Trust::open(&settings::trust(config, &secret)?, wit_keys.verifying(), time).await?;
        identities.begun().await;
        let policy = open_policy(config)?;
        let audit = AuditLog::open(&settings::audit(config))?;
        // Every grant waits for its event: none of ours came after the last one.
        let began = audit.written_before().unwrap_or(UnixTime::from_secs(0));
        let store = open_store(config, Arc::clone(&clock), began).await?;
        let nonces = Nonces::new(&secret, &format!("token endpoint of {}", config.issuer), config.dpop.nonce_period.0);
        let own = Identities::new(trust.issuing_domains())?;
        let exchange = Exchange {
            settings,
            trust,
            policy,
            store,
            token_keys,
            wit_keys,
            handover_keys,
            proof_keys: ProofKeys::default(),
            nonces,
            identities: own,
            audit,
        };
        Ok(Self { clock, exchange, identities })
    }

    /// This instant. A request asks once.
    pub fn now(&self) -> UnixTime {
        self.clock.now()
    }

    /// Our issuer identifier.
    pub const fn issuer(&self) -> &Issuer {
        &self.exchange.settings.issuer
    }

    /// The token exchange.
    pub const fn exchange(&self) -> &Exchange {
        &self.exchange
    }

    /// The certificates that the Workload API gives us for our listeners.
    pub const fn identities(&self) -> &ListenerIdentities {
        &self.identities
    }

    /// Tells the metrics what has to be asked for.
    pub fn measure(&self) {
        self.exchange.trust.measure(self.now());
    }

    /// Loads the policies and whom we believe again. What is broken leaves what is in force as it is, and the log says so.
    pub async fn reload(&self) {
        match self.exchange.policy.reload() {
            Ok(()) => tracing::info!(policy.set = %self.exchange.policy.hash(), "policies loaded"),
            Err(cause) => tracing::error!(%cause, "policies could not be loaded; the last good ones stay in force"),
        }
        self.exchange.trust.reload(self.now()).await;
        tracing::info!("trust loaded");
    }

    /// Puts the list of the disabled in force as it changes, for as long as it is polled.
    pub async fn watch_disabled(self: Arc<Self>) {
        let mut every = tokio::time::interval(LOOK);
        every.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        loop {
            every.tick().await;
            let app = Arc::clone(&self);
            // A disk that hangs costs this task, not those who answer requests.
            let looked = tokio::task::spawn_blocking(move || app.exchange.trust.look_for_disabled()).await;
            if let Err(cause) = looked {
                tracing::error!(%cause, "the list of the disabled could not be looked at");
            }
        }
    }

    /// Whether a token could be issued now.
    ///
    /// # Errors
    /// [`NotReady`] says what is missing.
    pub async fn ready(&self) -> Result<(), NotReady> {
        self.exchange.store.ready().await?;
        if let Some(domain) = self.exchange.trust.waits_for() {
            return Err(NotReady::Bundle(domain.clone()));
        }
        if !self.identities.are_here() {
            return Err(NotReady::Identity);
        }
        if self.exchange.audit.is_well() { Ok(()) } else { Err(NotReady::Audit) }
    }
}

/// Whom a service with this configuration would believe, without the service.
///
/// # Errors
/// [`StartError`] with the place and the remedy.
pub async fn open_trust(config: &Config, now: UnixTime) -> Result<Trust, StartError> {
    let wit_keys = KeyRing::open(&settings::key_ring(&config.keys.wit), "wit-svid")?;
    Ok(Trust::open(&settings::trust(config, &secret(config)?)?, wit_keys.verifying(), Arc::new(move || now)).await?)
}

/// Biscuits are signed with Ed25519 alone.
fn open_handover_keys(ring: &KeyRingConfig) -> Result<KeyRing, KeyFileError> {
    KeyRing::open_for(&settings::key_ring(ring), "sig", &[Algorithm::EdDsa, Algorithm::Ed25519])
}

/// The policies of a service with this configuration. Reads files, so it blocks.
///
/// # Errors
/// [`StartError`] with the place and the remedy.
pub fn open_policy(config: &Config) -> Result<Policy, StartError> {
    Ok(Policy::load(&settings::policy(config), settings::targets(config)?)?)
}

/// All that there is to say about them. Reads files, so it blocks.
///
/// # Errors
/// [`ConfigError`] if the targets they speak of cannot be used.
pub fn inspect_policy(config: &Config) -> Result<Report, ConfigError> {
    Ok(crate::policy::inspect(&settings::policy(config), &settings::targets(config)?))
}

/// Nothing was granted by this copy after `began`, if it has forgotten.
async fn open_store(config: &Config, clock: Arc<dyn Clock>, began: UnixTime) -> Result<Arc<dyn ClaimStore>, StartError> {
    match &config.store {
        StoreConfig::Memory { capacity } => Ok(Arc::new(MemoryStore::new(*capacity, began))),
        StoreConfig::Redis(redis) => {
            let settings = settings::redis(config, redis, began)?;
            let connected = RedisStore::connect(&settings, move || clock.now()).await;
            Ok(Arc::new(connected.map_err(|cause| match cause {
                StoreError::Deadline { .. } | StoreError::Failed(_) => {
                    StartError::Unreachable { url: redis.addresses().collect::<Vec<_>>().join("`, `"), cause }
                }
                other => StartError::Store(other),
            })?))
        }
    }
}

/// What nonces and challenges are made with. A secret of this process serves one copy; several need the same one, and the
/// configuration says so.
fn secret(config: &Config) -> Result<Vec<u8>, ConfigError> {
    Ok(match config.dpop.secret()? {
        Some(secret) => secret.expose().as_bytes().to_vec(),
        None => procura_token::random_bytes::<32>().to_vec(),
    })
}
