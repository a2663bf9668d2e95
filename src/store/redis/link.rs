//! A connection to whichever servers hold the keys.

use core::task::Poll;
use core::time::Duration;
use std::sync::Arc;

use ::redis::aio::{ConnectionLike as _, MultiplexedConnection};
use ::redis::cluster::ClusterClient;
use ::redis::cluster_async::ClusterConnection;
use ::redis::cluster_routing::{Route, RoutingInfo, SingleNodeRoutingInfo, SlotAddr};
use ::redis::{
    AsyncConnectionConfig, Client, Cmd, ConnectionAddr, ConnectionInfo, PushInfo, PushKind, RedisResult, TlsCertificates, Value,
};
use tokio::sync::Notify;

use super::key::Key;
use super::settings::open;
use super::within;
use crate::store::StoreError;

/// Requests waiting to be written to one connection; more wait in their tasks.
const QUEUE: usize = 1024;

/// Where to connect.
pub(super) enum Place {
    Node(Box<Client>),
    Sentinel(Box<Sentinels>),
    Cluster(Box<ClusterClient>),
}

/// Sentinels, and how to talk to the master they name.
pub(super) struct Sentinels {
    pub(super) sentinels: Vec<Client>,
    pub(super) name: String,
    /// User, password and database, with the address of a Sentinel.
    pub(super) template: ConnectionInfo,
    pub(super) tls: TlsCertificates,
}

/// One connection that all requests share, or one to each node of a cluster. Cheap to clone.
#[derive(Clone)]
pub(super) enum Link {
    Node(MultiplexedConnection),
    Cluster(ClusterConnection),
}

impl Link {
    /// Sends a command to the master of its first key.
    pub(super) async fn send(&self, cmd: &Cmd) -> RedisResult<Value> {
        let answer = match self {
            Self::Node(connection) => connection.clone().send_packed_command(cmd).await,
            Self::Cluster(connection) => connection.clone().req_packed_command(cmd).await,
        };
        answer.and_then(Value::extract_error)
    }

    /// Sends a command that names no key to the master of `key`.
    pub(super) async fn send_to(&self, key: &Key, cmd: Cmd) -> RedisResult<Value> {
        let Self::Cluster(connection) = self else { return self.send(&cmd).await };
        let route = SingleNodeRoutingInfo::SpecificNode(Route::with_key(key.as_bytes(), SlotAddr::Master));
        connection.clone().route_command(cmd, RoutingInfo::SingleNode(route)).await.and_then(Value::extract_error)
    }
}

/// Awaits all, at once.
pub(super) async fn together<T>(futures: impl Iterator<Item = impl Future<Output = T>>) -> Vec<T> {
    let mut pending: Vec<_> = futures.map(Box::pin).collect();
    let mut done: Vec<Option<T>> = pending.iter().map(|_| None).collect();
    core::future::poll_fn(|context| {
        for (future, done) in pending.iter_mut().zip(&mut done).filter(|(_, done)| done.is_none()) {
            if let Poll::Ready(value) = future.as_mut().poll(context) {
                *done = Some(value);
            }
        }
        if done.iter().all(Option::is_some) { Poll::Ready(()) } else { Poll::Pending }
    })
    .await;
    done.into_iter().flatten().collect()
}

impl Place {
    /// Connects, each step within `deadline`. `lost` is notified as soon as a connection to a single server ends.
    pub(super) async fn connect(&self, deadline: Duration, lost: &Arc<Notify>) -> Result<Link, StoreError> {
        match self {
            Self::Node(client) => connect(client, deadline, lost).await.map(Link::Node),
            Self::Sentinel(sentinels) => sentinels.connect(deadline, lost).await.map(Link::Node),
            Self::Cluster(client) => within(deadline, client.get_async_connection()).await.map(Link::Cluster),
        }
    }
}

impl Sentinels {
    /// Asks one Sentinel after the other for the master and connects to the first that is named and answers.
    async fn connect(&self, deadline: Duration, lost: &Arc<Notify>) -> Result<MultiplexedConnection, StoreError> {
        let mut cause = StoreError::Settings("there is no URL");
        for sentinel in &self.sentinels {
            let attempt = async { connect(&self.master(sentinel, deadline).await?, deadline, lost).await };
            match attempt.await {
                Ok(connection) => return Ok(connection),
                Err(error) => cause = error,
            }
        }
        Err(cause)
    }

    async fn master(&self, sentinel: &Client, deadline: Duration) -> Result<Client, StoreError> {
        let config = AsyncConnectionConfig::new().set_connection_timeout(Some(deadline)).set_response_timeout(Some(deadline));
        let mut connection = within(deadline, sentinel.get_multiplexed_async_connection_with_config(&config)).await?;
        let mut question = ::redis::cmd("SENTINEL");
        question.arg("GET-MASTER-ADDR-BY-NAME").arg(&self.name);
        let answer: Option<(String, u16)> = within(deadline, question.query_async(&mut connection)).await?;
        let Some((host, port)) = answer else {
            return Err(StoreError::Unfit(format!("its Sentinel knows no master `{}`: correct the name", self.name)));
        };
        let address = match self.template.addr() {
            ConnectionAddr::TcpTls { .. } => ConnectionAddr::TcpTls { host, port, insecure: false, tls_params: None },
            _ => ConnectionAddr::Tcp(host, port),
        };
        open(self.template.clone().set_addr(address), &self.tls)
    }
}

async fn connect(client: &Client, deadline: Duration, lost: &Arc<Notify>) -> Result<MultiplexedConnection, StoreError> {
    let lost = Arc::clone(lost);
    let config = AsyncConnectionConfig::new()
        .set_connection_timeout(Some(deadline))
        .set_response_timeout(Some(deadline))
        .set_pipeline_buffer_size(QUEUE)
        .set_push_sender(move |push: PushInfo| {
            if push.kind == PushKind::Disconnection {
                lost.notify_one();
            }
            Ok::<(), core::convert::Infallible>(())
        });
    within(deadline, client.get_multiplexed_async_connection_with_config(&config)).await
}
