//! The store many copies share: one Redis server, version 7.0 or later.

mod fitness;

use core::fmt;
use core::time::Duration;
use std::sync::atomic::{AtomicBool, Ordering};

use ::redis::aio::{ConnectionManager, ConnectionManagerConfig};
use ::redis::{Client, ConnectionInfo, IntoConnectionInfo, Pipeline, ProtocolVersion, RedisError, Value, pipe};
use async_trait::async_trait;
use procura_token::{UnixTime, base64url};

use super::{Claim, ClaimError, ClaimStore, DelegationClaim, DelegationRecord, Epoch, StoreError};

/// Where the shared Redis is.
#[derive(Clone)]
pub struct RedisSettings {
    /// `redis://[user@]host[:port][/database]` or `redis+unix:///path`. It carries no password, and there is no TLS in
    /// this build: keep the way to Redis inside a protected network.
    pub url: String,
    /// The password, if Redis asks for one.
    pub password: Option<String>,
    /// Sets this service's keys apart from those of others in the same Redis: 1 to 64 of `A-Z a-z 0-9 . _ -`. All copies
    /// of one service have the same.
    pub prefix: String,
    /// The deadline of each claim, and of each attempt to connect. Two seconds unless there is a reason: a busy machine
    /// must not be taken for a lost store.
    pub timeout: Duration,
}

impl RedisSettings {
    /// The deadline of a claim unless configured.
    pub const DEFAULT_TIMEOUT: Duration = Duration::from_secs(2);

    fn connection(&self) -> Result<ConnectionInfo, StoreError> {
        let allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"._-".contains(&byte);
        if self.prefix.is_empty() || self.prefix.len() > 64 || !self.prefix.bytes().all(allowed) {
            return Err(StoreError::Settings("the prefix is not 1 to 64 of letters, digits, `.`, `_` and `-`"));
        }
        if self.timeout.is_zero() {
            return Err(StoreError::Settings("the timeout is zero"));
        }
        let info = self.url.as_str().into_connection_info().map_err(|_| StoreError::Settings("the URL is not one of redis"))?;
        if !info.addr().is_supported() {
            return Err(StoreError::Settings("the URL asks for TLS, which this build does not have"));
        }
        if info.redis_settings().password().is_some() {
            return Err(StoreError::Settings("the URL carries a password, which belongs in `password`"));
        }
        // RESP3 tells a lost connection at once, so that it is made anew before the next claim needs it.
        let mut settings = info.redis_settings().clone().set_protocol(ProtocolVersion::RESP3);
        if let Some(password) = &self.password {
            settings = settings.set_password(password);
        }
        let tcp = info.tcp_settings().clone().set_nodelay(true);
        // Without this a peer that vanished would hold the connection for as long as the kernel retransmits.
        #[cfg(target_os = "linux")]
        let tcp = tcp.set_user_timeout(self.timeout * 4);
        Ok(info.set_redis_settings(settings).set_tcp_settings(tcp))
    }
}

/// Never shows a password, not even one that was put into the URL by mistake.
impl fmt::Debug for RedisSettings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let place = self.url.split(['?', '#']).next().unwrap_or_default();
        let place = place.rsplit('@').next().unwrap_or_default();
        let password = self.password.as_ref().map(|_| "…");
        f.debug_struct("RedisSettings")
            .field("url", &place)
            .field("password", &password)
            .field("prefix", &self.prefix)
            .field("timeout", &self.timeout)
            .finish()
    }
}

/// Keeps claims in Redis, for any number of copies of the service.
///
/// A claim is one pipeline: a `SET … NX PX` for each use and a `SET … NX GET PX` for the delegation, one round trip on
/// one connection that all requests share. It is not a transaction, so that the keys may live on different nodes one day.
///
/// It never waits longer than the deadline of its settings. A claim that was sent and not answered may or may not have
/// been made. A lost connection is made anew by itself; until then every claim is refused.
///
/// # Not done
/// Sentinel, Cluster and TLS. Waiting for replicas: see [`ClaimStore`] about failover.
pub struct RedisStore {
    connection: ConnectionManager,
    prefix: String,
    deadline: Duration,
    /// Whether the last answer was one: its changes are logged, not each failure.
    reachable: AtomicBool,
}

impl fmt::Debug for RedisStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RedisStore").field("prefix", &self.prefix).field("deadline", &self.deadline).finish_non_exhaustive()
    }
}

impl RedisStore {
    /// Connects, and makes sure that this Redis keeps what it is given: a primary of version 7.0 or later, not a cluster
    /// node, that evicts nothing when its memory is full.
    ///
    /// # Errors
    /// [`StoreError::Settings`], [`StoreError::Unfit`] with the remedy, or why there is no answer. It does not retry.
    pub async fn connect(settings: &RedisSettings) -> Result<Self, StoreError> {
        let client = Client::open(settings.connection()?).map_err(failed)?;
        let config = ConnectionManagerConfig::new()
            .set_number_of_retries(0)
            .set_connection_timeout(Some(settings.timeout))
            .set_response_timeout(Some(settings.timeout))
            .set_pipeline_buffer_size(1024);
        let deadline = settings.timeout;
        let connection = within(deadline, ConnectionManager::new_with_config(client, config)).await?;
        let store = Self { connection, prefix: settings.prefix.clone(), deadline, reachable: AtomicBool::new(true) };
        store.verify_fitness().await?;
        Ok(store)
    }

    async fn verify_fitness(&self) -> Result<(), StoreError> {
        let mut connection = self.connection.clone();
        let info: String = self.answer(::redis::cmd("INFO").query_async(&mut connection)).await?;
        fitness::verify(&info).map_err(StoreError::Unfit)
    }

    fn pipeline(&self, claim: &Claim, now: UnixTime) -> Pipeline {
        let mut pipeline = pipe();
        for used in &claim.uses {
            let (key, ttl) = (self.key(used.kind.as_str(), &used.key), ttl(used.until, now));
            pipeline.cmd("SET").arg(key).arg(1).arg("NX").arg("PX").arg(ttl);
        }
        if let Some(delegation) = &claim.delegation {
            let (key, ttl) = (self.key("delegation", &delegation.key), ttl(delegation.kept_until(), now));
            pipeline.cmd("SET").arg(key).arg(write_record(&delegation.proposed)).arg("NX").arg("GET").arg("PX").arg(ttl);
        }
        pipeline
    }

    fn key(&self, namespace: &str, key: &[u8; 32]) -> String {
        format!("procura:{}:{namespace}:{}", self.prefix, base64url::encode(key))
    }

    async fn send(&self, pipeline: &Pipeline) -> Result<Vec<Value>, StoreError> {
        let attempt = || async {
            let mut connection = self.connection.clone();
            pipeline.query_async(&mut connection).await
        };
        let answers = async {
            match attempt().await {
                // The refusal may be an old one. Nothing was sent and a new attempt to connect has begun: wait for that.
                Err(error) if error.is_connection_refusal() => attempt().await,
                answers => answers,
            }
        };
        self.answer(answers).await
    }

    /// Awaits an answer within the deadline and notes whether there was one.
    async fn answer<T>(&self, answer: impl Future<Output = Result<T, RedisError>>) -> Result<T, StoreError> {
        let answer = within(self.deadline, answer).await;
        let was_reachable = self.reachable.swap(answer.is_ok(), Ordering::Relaxed);
        match &answer {
            Err(error) if was_reachable => tracing::warn!(%error, "store lost: claims are refused"),
            Ok(_) if !was_reachable => tracing::info!("store is back"),
            _ => {}
        }
        answer
    }
}

#[async_trait]
impl ClaimStore for RedisStore {
    async fn claim(&self, claim: &Claim, now: UnixTime) -> Result<Option<DelegationRecord>, ClaimError> {
        claim.verify_times(self.epoch(), now)?;
        if claim.uses.is_empty() && claim.delegation.is_none() {
            return Ok(None);
        }
        let mut answers = self.send(&self.pipeline(claim, now)).await?.into_iter();
        for used in &claim.uses {
            match answers.next() {
                Some(Value::Okay) => {}
                Some(Value::Nil) => return Err(ClaimError::Replayed(used.kind)),
                _ => return Err(StoreError::Answer.into()),
            }
        }
        claim.delegation.as_ref().map(|delegation| read_answer(delegation, answers.next())).transpose()
    }

    fn epoch(&self) -> Epoch {
        Epoch { id: 0, began: UnixTime::from_secs(0) }
    }

    async fn current_epoch(&self, _: UnixTime) -> Result<Epoch, StoreError> {
        Ok(self.epoch())
    }

    /// Asks Redis, and makes sure again that it is fit: what answers may be another one than at the start.
    async fn ready(&self) -> Result<(), StoreError> {
        self.verify_fitness().await
    }
}

fn read_answer(claim: &DelegationClaim, answer: Option<Value>) -> Result<DelegationRecord, ClaimError> {
    match answer {
        Some(Value::Nil) => Ok(claim.proposed.clone()),
        Some(Value::BulkString(record)) => Ok(read_record(&record).ok_or(StoreError::Answer)?),
        _ => Err(StoreError::Answer.into()),
    }
}

/// `<seconds>.<nanoseconds> <id>`: an identifier may hold spaces, a number does not.
fn write_record(record: &DelegationRecord) -> String {
    let until = record.until.since_epoch();
    format!("{}.{:09} {}", until.as_secs(), until.subsec_nanos(), record.id)
}

fn read_record(record: &[u8]) -> Option<DelegationRecord> {
    let (until, id) = core::str::from_utf8(record).ok()?.split_once(' ')?;
    let (seconds, nanos) = until.split_once('.')?;
    let nanos: u32 = nanos.parse().ok().filter(|nanos| *nanos < 1_000_000_000)?;
    Some(DelegationRecord { id: id.parse().ok()?, until: UnixTime::new(Duration::new(seconds.parse().ok()?, nanos)) })
}

/// Milliseconds from `now` through `until`: rounded up, at least 1, at most what Redis can add to its clock.
fn ttl(until: UnixTime, now: UnixTime) -> u64 {
    const CENTURY: u128 = 100 * 365 * 86_400_000;
    let millis = until.since(now).as_nanos().div_ceil(1_000_000).clamp(1, CENTURY);
    u64::try_from(millis).unwrap_or(u64::MAX)
}

async fn within<T>(deadline: Duration, answer: impl Future<Output = Result<T, RedisError>>) -> Result<T, StoreError> {
    match tokio::time::timeout(deadline, answer).await {
        Ok(Err(error)) if error.is_timeout() => Err(StoreError::Deadline { deadline }),
        Ok(answer) => answer.map_err(failed),
        Err(_) => Err(StoreError::Deadline { deadline }),
    }
}

fn failed(error: RedisError) -> StoreError {
    StoreError::Failed(Box::new(error))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn settings(url: &str) -> RedisSettings {
        RedisSettings {
            url: url.into(),
            password: Some("hunter2".into()),
            prefix: "test".into(),
            timeout: RedisSettings::DEFAULT_TIMEOUT,
        }
    }

    #[test]
    fn a_password_is_never_shown() {
        for url in ["redis://u:hunter2@h:1/0", "redis+unix:///s?pass=hunter2", "redis://:hunter2@:hunter2@h", "hunter2@"] {
            let shown = format!("{:?}", settings(url));
            assert!(!shown.contains("hunter2"), "{shown}");
        }
    }

    #[test]
    fn settings_that_contradict_themselves_are_refused() {
        let refused = |settings: RedisSettings| matches!(settings.connection(), Err(StoreError::Settings(_)));
        assert!(settings("redis://user@localhost:6379/1").connection().is_ok());
        for url in ["", "http://h", "redis://:secret@h", "redis+unix:///s?pass=secret"] {
            assert!(refused(settings(url)), "{url}");
        }
        for prefix in ["", "a:b", "a b", &"x".repeat(65)] {
            assert!(refused(RedisSettings { prefix: prefix.into(), ..settings("redis://h") }), "{prefix}");
        }
        assert!(refused(RedisSettings { timeout: Duration::ZERO, ..settings("redis://h") }));
    }

    #[test]
    fn a_lifetime_is_rounded_up_and_never_zero() {
        let now = UnixTime::from_secs(100);
        for (until, millis) in [
            (now, 1),
            (now + Duration::from_nanos(1), 1),
            (now + Duration::from_micros(1_001), 2),
            (UnixTime::from_secs(165), 65_000),
            (UnixTime::new(Duration::MAX), 3_153_600_000_000),
        ] {
            assert_eq!(ttl(until, now), millis, "{until:?}");
        }
    }

    #[test]
    fn a_record_is_read_back_as_it_was_written() {
        for id in ["abc", "with spaces and 1.5"] {
            let record = DelegationRecord { id: id.parse().unwrap(), until: UnixTime::new(Duration::new(1_770_000_000, 7)) };
            assert_eq!(read_record(write_record(&record).as_bytes()), Some(record));
        }
        for text in ["", "1", "1 id", "1.x id", "1.1000000000 id", "1.0 ", "x.0 id"] {
            assert_eq!(read_record(text.as_bytes()), None, "{text}");
        }
    }
}
