//! Where the shared Redis is, and how to get there.

use core::fmt;
use core::num::NonZeroUsize;
use core::time::Duration;

use ::redis::cluster::ClusterClient;
use ::redis::io::tcp::TcpSettings;
use ::redis::{
    Client, ClientTlsConfig, ConnectionAddr, ConnectionInfo, IntoConnectionInfo, ProtocolVersion, RedisConnectionInfo,
    TlsCertificates,
};
use procura_token::UnixTime;

use super::failed;
use super::link::{Place, Sentinels};
use crate::store::StoreError;

/// Where the shared Redis is.
#[derive(Clone)]
pub struct RedisSettings {
    /// How the addresses are meant.
    pub topology: RedisTopology,
    /// The password of the URLs' user, or of `default`, if Redis asks for one.
    pub password: Option<String>,
    /// Whom to believe and who we are, for `rediss` URLs.
    pub tls: RedisTls,
    /// Sets this service's keys apart from those of others in the same Redis. All copies of one service have the same.
    pub prefix: String,
    /// The deadline of each claim, and of each attempt to connect. Two seconds unless there is a reason: a busy machine
    /// must not be taken for a lost store.
    pub timeout: Duration,
    /// For a Redis in which there is no trace of this service: nothing was granted after this instant. The time of the
    /// last event in the audit log, or [`UnixTime`] 0 if there never was one.
    pub began: UnixTime,
}

/// The shape of a Redis. All URLs of one are `redis://[user@]host[:port][/database]`, or all `rediss://…`.
#[derive(Clone)]
pub enum RedisTopology {
    /// One server. Its URL may also be `redis+unix:///path`.
    Single {
        /// Where it is.
        url: String,
    },
    /// One master and its replicas, watched by Sentinels.
    Sentinel {
        /// Where the Sentinels are. User and database are those of the master.
        urls: Vec<String>,
        /// What the Sentinels call the master.
        master: String,
        /// The password of the Sentinels themselves, if they ask for one.
        password: Option<String>,
    },
    /// A Redis Cluster. There is only database 0.
    Cluster {
        /// Where some of its nodes are; the others are learnt from these.
        urls: Vec<String>,
    },
}

/// TLS to Redis: rustls, TLS 1.2 and 1.3, names always verified.
#[derive(Clone, Default)]
pub struct RedisTls {
    /// The authorities that may have signed its certificate, in PEM. Without it: those of this machine.
    pub authorities: Option<Vec<u8>>,
    /// Our own certificate chain and its key, in PEM, if Redis asks for one.
    pub identity: Option<(Vec<u8>, Vec<u8>)>,
}

impl RedisSettings {
    /// The deadline of a claim unless configured.
    pub const DEFAULT_TIMEOUT: Duration = Duration::from_secs(2);

    /// Whether the keys are spread over several servers.
    pub(super) const fn is_cluster(&self) -> bool {
        matches!(self.topology, RedisTopology::Cluster { .. })
    }

    /// The addresses in a form that can be connected to.
    pub(super) fn place(&self) -> Result<Place, StoreError> {
        if self.prefix.is_empty() {
            return Err(StoreError::Settings("the prefix is empty"));
        }
        if self.timeout.is_zero() {
            return Err(StoreError::Settings("the timeout is zero"));
        }
        match &self.topology {
            RedisTopology::Single { url } => Ok(Place::Node(Box::new(self.client(self.node(url)?)?))),
            RedisTopology::Sentinel { urls, master, password } => self.sentinels(urls, master, password.as_deref()),
            RedisTopology::Cluster { urls } => self.cluster(urls),
        }
    }

    fn nodes(&self, urls: &[String]) -> Result<Vec<ConnectionInfo>, StoreError> {
        let nodes = urls.iter().map(|url| self.node(url)).collect::<Result<Vec<_>, _>>()?;
        let Some(first) = nodes.first() else { return Err(StoreError::Settings("there is no URL")) };
        if nodes.iter().any(|node| is_tls(node) != is_tls(first)) {
            return Err(StoreError::Settings("some URLs ask for TLS and some do not"));
        }
        if nodes.iter().any(|node| node.redis_settings().username() != first.redis_settings().username()) {
            return Err(StoreError::Settings("the URLs name different users"));
        }
        if nodes.iter().any(|node| matches!(node.addr(), ConnectionAddr::Unix(_))) {
            return Err(StoreError::Settings("a unix socket is one server"));
        }
        Ok(nodes)
    }

    fn sentinels(&self, urls: &[String], master: &str, password: Option<&str>) -> Result<Place, StoreError> {
        let nodes = self.nodes(urls)?;
        let template = nodes.first().cloned().ok_or(StoreError::Settings("there is no URL"))?;
        let sentinels = nodes.into_iter().map(|node| {
            let mut settings = RedisConnectionInfo::default().set_protocol(ProtocolVersion::RESP3).set_skip_set_lib_name();
            if let Some(password) = password {
                settings = settings.set_password(password);
            }
            self.client(node.set_redis_settings(settings))
        });
        Ok(Place::Sentinel(Box::new(Sentinels {
            sentinels: sentinels.collect::<Result<_, _>>()?,
            name: master.to_owned(),
            template,
            tls: self.certificates(),
        })))
    }

    fn cluster(&self, urls: &[String]) -> Result<Place, StoreError> {
        let nodes = self.nodes(urls)?;
        if nodes.iter().any(|node| node.redis_settings().db() != 0) {
            return Err(StoreError::Settings("a cluster has only database 0"));
        }
        let is_tls = nodes.iter().any(is_tls);
        let mut builder = ClusterClient::builder(nodes)
            .use_protocol(ProtocolVersion::RESP3)
            .connection_timeout(self.timeout)
            .response_timeout(self.timeout)
            // Redirections count as retries; a node that is gone is not worth many.
            .retries(3)
            .max_retry_wait(100)
            .max_connection_attempts(NonZeroUsize::MIN)
            .tcp_settings(self.tcp());
        if is_tls {
            builder = builder.certs(self.certificates());
        }
        Ok(Place::Cluster(Box::new(builder.build().map_err(failed)?)))
    }

    fn client(&self, node: ConnectionInfo) -> Result<Client, StoreError> {
        open(node, &self.certificates())
    }

    fn certificates(&self) -> TlsCertificates {
        let identity = self.tls.identity.clone();
        TlsCertificates {
            client_tls: identity.map(|(client_cert, client_key)| ClientTlsConfig { client_cert, client_key }),
            root_cert: self.tls.authorities.clone(),
        }
    }

    fn node(&self, url: &str) -> Result<ConnectionInfo, StoreError> {
        // Redis URLs can switch things off behind `?` and `#`, the verification of certificates among them.
        if !url.starts_with("redis") || url.contains(['?', '#']) {
            return Err(StoreError::Settings("a URL is not `redis://[user@]host[:port][/database]` or `rediss://…`"));
        }
        let info = url.into_connection_info().map_err(|_| StoreError::Settings("a URL is not one of redis"))?;
        if info.redis_settings().password().is_some() {
            return Err(StoreError::Settings("a URL carries a password, which belongs in `password`"));
        }
        if self.has_tls_settings() && !is_tls(&info) {
            return Err(StoreError::Settings("there are TLS settings, but a URL is not `rediss://…`"));
        }
        // RESP3 tells a lost connection at once, so that it is made anew before the next claim needs it.
        let mut settings = info.redis_settings().clone().set_protocol(ProtocolVersion::RESP3).set_skip_set_lib_name();
        if let Some(password) = &self.password {
            settings = settings.set_password(password);
        }
        Ok(info.set_redis_settings(settings).set_tcp_settings(self.tcp()))
    }

    const fn has_tls_settings(&self) -> bool {
        self.tls.authorities.is_some() || self.tls.identity.is_some()
    }

    fn tcp(&self) -> TcpSettings {
        let tcp = TcpSettings::default().set_nodelay(true);
        // Without this a peer that vanished would hold the connection for as long as the kernel retransmits.
        #[cfg(target_os = "linux")]
        let tcp = tcp.set_user_timeout(self.timeout * 4);
        tcp
    }
}

/// A client of one server.
pub(super) fn open(node: ConnectionInfo, certificates: &TlsCertificates) -> Result<Client, StoreError> {
    if is_tls(&node) { Client::build_with_tls(node, certificates.clone()) } else { Client::open(node) }.map_err(failed)
}

fn is_tls(node: &ConnectionInfo) -> bool {
    matches!(node.addr(), ConnectionAddr::TcpTls { .. })
}

/// Never shows a password, not even one that was put into a URL by mistake.
impl fmt::Debug for RedisSettings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RedisSettings")
            .field("topology", &self.topology)
            .field("password", &self.password.as_ref().map(|_| "…"))
            .field("tls", &self.tls)
            .field("prefix", &self.prefix)
            .field("timeout", &self.timeout)
            .field("began", &self.began)
            .finish()
    }
}

impl fmt::Debug for RedisTopology {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let places = |urls: &[String]| urls.iter().map(|url| place(url).to_owned()).collect::<Vec<_>>();
        match self {
            Self::Single { url } => f.debug_struct("Single").field("url", &place(url)).finish(),
            Self::Sentinel { urls, master, .. } => {
                f.debug_struct("Sentinel").field("urls", &places(urls)).field("master", master).finish_non_exhaustive()
            }
            Self::Cluster { urls } => f.debug_struct("Cluster").field("urls", &places(urls)).finish(),
        }
    }
}

/// Shows no key.
impl fmt::Debug for RedisTls {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RedisTls")
            .field("authorities", &self.authorities.is_some())
            .field("identity", &self.identity.is_some())
            .finish()
    }
}

/// Host, port and database of a URL.
fn place(url: &str) -> &str {
    url.split(['?', '#']).next().and_then(|url| url.rsplit('@').next()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn settings(topology: RedisTopology) -> RedisSettings {
        RedisSettings {
            topology,
            password: Some("hunter2".into()),
            tls: RedisTls::default(),
            prefix: "test".into(),
            timeout: RedisSettings::DEFAULT_TIMEOUT,
            began: UnixTime::from_secs(0),
        }
    }

    fn single(url: &str) -> RedisSettings {
        settings(RedisTopology::Single { url: url.into() })
    }

    fn cluster(urls: &[&str]) -> RedisSettings {
        settings(RedisTopology::Cluster { urls: urls.iter().map(ToString::to_string).collect() })
    }

    fn sentinel(urls: &[&str]) -> RedisSettings {
        let urls = urls.iter().map(ToString::to_string).collect();
        settings(RedisTopology::Sentinel { urls, master: "m".into(), password: Some("hunter2".into()) })
    }

    fn refused(settings: RedisSettings) -> bool {
        matches!(settings.place(), Err(StoreError::Settings(_)))
    }

    #[test]
    fn a_password_is_never_shown() {
        for url in ["redis://u:hunter2@h:1/0", "redis+unix:///s?pass=hunter2", "redis://:hunter2@:hunter2@h", "hunter2@"] {
            for settings in [single(url), cluster(&[url]), sentinel(&[url])] {
                let shown = format!("{settings:?}");
                assert!(!shown.contains("hunter2"), "{shown}");
            }
        }
    }

    #[test]
    fn settings_that_contradict_themselves_are_refused() {
        assert!(single("redis://user@localhost:6379/1").place().is_ok());
        assert!(single("redis+unix:///s").place().is_ok());
        for url in ["", "http://h", "redis://:secret@h", "redis+unix:///s?pass=secret"] {
            assert!(refused(single(url)), "{url}");
        }
        assert!(refused(RedisSettings { prefix: String::new(), ..single("redis://h") }));
        assert!(refused(RedisSettings { timeout: Duration::ZERO, ..single("redis://h") }));
        let tls = RedisTls { authorities: Some(Vec::new()), identity: None };
        assert!(refused(RedisSettings { tls, ..single("redis://h") }));
    }

    #[test]
    fn what_would_weaken_tls_is_refused() {
        for url in ["rediss://h/#insecure", "rediss://h/0#insecure", "rediss://h?x=y"] {
            assert!(refused(single(url)), "{url}");
        }
        assert!(refused(cluster(&["rediss://a", "redis://b"])));
        assert!(refused(sentinel(&["redis://a", "rediss://b"])));
    }

    #[test]
    fn several_addresses_must_agree() {
        assert!(cluster(&["redis://u@a", "redis://u@b:7000"]).place().is_ok());
        assert!(sentinel(&["redis://u@a/2", "redis://u@b:7000/2"]).place().is_ok());
        for urls in [&[][..], &["redis://a", "redis://u@b"], &["redis+unix:///s"]] {
            assert!(refused(cluster(urls)) && refused(sentinel(urls)), "{urls:?}");
        }
        assert!(refused(cluster(&["redis://a/1"])));
    }
}
