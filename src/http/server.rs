//! The listener: connections, TLS, limits, and an orderly end.

use std::convert::Infallible;
use std::future::Future;
use std::net::{IpAddr, SocketAddr};
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use http::Request;
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto::Builder;
use hyper_util::server::graceful::GracefulShutdown;
use procura_token::PeerCertificate;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio_rustls::server::TlsStream;
use tower::Service as _;

use super::meter::ConnectionMeter;
use super::tls::{ServerCertificate, Tls, TlsError, TlsSettings};

/// The most bytes of a request's head, and the most header fields.
const MAX_HEAD: (usize, usize) = (64 * 1024, 64);
/// The most requests at once on one HTTP/2 connection.
const MAX_STREAMS: u32 = 128;

/// How to listen.
#[derive(Clone, Debug)]
pub struct ServerSettings {
    /// What metrics call this listener.
    pub name: &'static str,
    /// The address.
    pub listen: SocketAddr,
    /// Certificate and key; plain HTTP without.
    pub tls: Option<TlsSettings>,
    /// The most connections at once.
    pub max_connections: usize,
    /// How long a TLS handshake or a request's head may take.
    pub header_timeout: Duration,
    /// How long requests under way may take after the signal to stop.
    pub shutdown_timeout: Duration,
}

/// The service cannot listen.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ServerError {
    /// The address cannot be bound.
    #[error("cannot listen on {0} ({cause}); {1}", cause = .2.kind())]
    Bind(SocketAddr, &'static str, #[source] std::io::Error),
    /// Certificate or key cannot be used.
    #[error(transparent)]
    Tls(#[from] TlsError),
}

/// A bound listener.
pub struct Server {
    listener: TcpListener,
    tls: Option<Tls>,
    settings: ServerSettings,
}

impl Server {
    /// Binds the address and loads the certificate.
    ///
    /// # Errors
    /// [`ServerError`] with the address or the file.
    pub async fn bind(settings: ServerSettings) -> Result<Self, ServerError> {
        let tls = settings.tls.clone().map(Tls::new).transpose()?;
        let listener = TcpListener::bind(settings.listen).await.map_err(|cause| {
            let remedy = match cause.kind() {
                std::io::ErrorKind::AddrInUse => "stop the program that uses it, or choose another port",
                std::io::ErrorKind::PermissionDenied => "choose a port above 1023, or allow this program to bind it",
                std::io::ErrorKind::AddrNotAvailable => "choose an address of this machine",
                _ => "choose another address",
            };
            ServerError::Bind(settings.listen, remedy, cause)
        })?;
        Ok(Self { listener, tls, settings })
    }

    /// The address bound: the port is known even when 0 was asked for.
    pub fn address(&self) -> SocketAddr {
        self.listener.local_addr().unwrap_or(self.settings.listen)
    }

    /// The certificate it shows, if it speaks TLS.
    pub fn certificate(&self) -> Option<Arc<ServerCertificate>> {
        self.tls.as_ref().map(|tls| Arc::clone(tls.certificate()))
    }

    /// Serves until `stop` resolves, then lets requests under way finish, for a while.
    pub async fn serve(self, router: Router, stop: impl Future<Output = ()>) {
        let mut stop = pin!(stop);
        let graceful = GracefulShutdown::new();
        let slots = Arc::new(Semaphore::new(self.settings.max_connections));
        let meter = ConnectionMeter::new(self.settings.name);
        loop {
            let accepted = tokio::select! {
                () = &mut stop => break,
                accepted = self.accept(&slots) => accepted,
            };
            let Some((stream, peer, slot)) = accepted else { continue };
            let (tls, router, watcher) = (self.tls.clone(), router.clone(), graceful.watcher());
            let timeout = self.settings.header_timeout;
            let meter = meter.clone();
            tokio::spawn(async move {
                let connected = meter.connected();
                match tls {
                    None => serve_connection(stream, Connection { peer, certificate: None }, router, watcher, timeout).await,
                    Some(tls) => match shake_hands(&tls, stream, peer, timeout).await {
                        Some((stream, certificate)) => {
                            serve_connection(stream, Connection { peer, certificate }, router, watcher, timeout).await;
                        }
                        None => meter.handshake_failures.increment(1),
                    },
                }
                drop((connected, slot));
            });
        }
        if tokio::time::timeout(self.settings.shutdown_timeout, graceful.shutdown()).await.is_err() {
            tracing::warn!("some requests did not finish in time and were cut off");
        }
    }

    /// The next connection, once there is a place for it. `None` when accepting failed and was waited out.
    async fn accept(&self, slots: &Arc<Semaphore>) -> Option<(TcpStream, SocketAddr, tokio::sync::OwnedSemaphorePermit)> {
        let slot = Arc::clone(slots).acquire_owned().await.ok()?;
        match self.listener.accept().await {
            Ok((stream, peer)) => {
                // Small answers must not wait for an acknowledgement; a socket that cannot do it still works.
                let _ = stream.set_nodelay(true);
                Some((stream, peer, slot))
            }
            Err(cause) => {
                // Out of file descriptors, mostly: accepting again at once would only spin.
                tracing::warn!(%cause, "a connection could not be accepted");
                tokio::time::sleep(Duration::from_millis(50)).await;
                None
            }
        }
    }
}

/// Who is at the other end of a connection.
#[derive(Clone)]
pub(super) struct Connection {
    /// The socket's address there.
    pub(super) peer: SocketAddr,
    /// The certificate whose key the handshake proved the possession of.
    pub(super) certificate: Option<Arc<PeerCertificate>>,
}

impl Connection {
    /// The address. One of IPv4 is that, whatever socket it came through.
    pub(super) const fn address(&self) -> IpAddr {
        self.peer.ip().to_canonical()
    }
}

async fn shake_hands(
    tls: &Tls,
    stream: TcpStream,
    peer: SocketAddr,
    timeout: Duration,
) -> Option<(TlsStream<TcpStream>, Option<Arc<PeerCertificate>>)> {
    match tokio::time::timeout(timeout, tls.accept(stream)).await {
        Ok(Ok(accepted)) => return Some(accepted),
        Ok(Err(cause)) => tracing::debug!(%peer, %cause, "TLS handshake failed"),
        Err(_) => tracing::debug!(%peer, "TLS handshake took too long"),
    }
    None
}

async fn serve_connection(
    stream: impl AsyncRead + AsyncWrite + Unpin + 'static,
    connection: Connection,
    router: Router,
    watcher: hyper_util::server::graceful::Watcher,
    header_timeout: Duration,
) {
    let (peer, of) = (connection.peer, connection);
    let service = service_fn(move |mut request: Request<Incoming>| {
        request.extensions_mut().insert(of.clone());
        let mut router = router.clone();
        async move { Ok::<_, Infallible>(router.call(request.map(Body::new)).await.unwrap_or_else(|never| match never {})) }
    });
    let mut builder = Builder::new(TokioExecutor::new());
    builder.http1().timer(TokioTimer::new()).header_read_timeout(header_timeout).max_buf_size(MAX_HEAD.0).max_headers(MAX_HEAD.1);
    builder.http2().timer(TokioTimer::new()).max_concurrent_streams(MAX_STREAMS).max_header_list_size(MAX_HEAD.0 as u32);
    let connection = builder.serve_connection(TokioIo::new(stream), service).into_owned();
    if let Err(cause) = watcher.watch(connection).await {
        tracing::debug!(%peer, %cause, "connection ended early");
    }
}
