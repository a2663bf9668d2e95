//! A SPIFFE bundle endpoint on a port of this machine: HTTPS, with a certificate and an answer that a test may change.

use std::convert::Infallible;
use std::fmt;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use http::{Request, Response};
use http_body_util::Full;
use hyper::body::{Bytes, Incoming};
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::server::conn::auto::Builder;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::{ClientHello, ResolvesServerCert};
use rustls::sign::CertifiedKey;
use serde_json::Value;
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;

pub(crate) struct BundleEndpoint {
    pub(crate) url: String,
    state: Arc<State>,
}

struct State {
    certified: Mutex<Arc<CertifiedKey>>,
    /// Status, `Location`, body.
    answer: Mutex<(u16, Option<String>, String)>,
    asked: AtomicUsize,
    refused: AtomicUsize,
}

impl BundleEndpoint {
    /// One that shows the certificate in `pem` and answers `bundle`, until the test's runtime ends.
    pub(crate) async fn new(pem: &str, bundle: &Value) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("https://localhost:{}/bundle", listener.local_addr().unwrap().port());
        let state = State {
            certified: Mutex::new(certified(pem)),
            answer: Mutex::new((200, None, bundle.to_string())),
            asked: AtomicUsize::new(0),
            refused: AtomicUsize::new(0),
        };
        let endpoint = Self { url, state: Arc::new(state) };
        tokio::spawn(serve(listener, Arc::clone(&endpoint.state)));
        endpoint
    }

    /// Shows another certificate from now on.
    pub(crate) fn show(&self, pem: &str) {
        *self.state.certified.lock().unwrap() = certified(pem);
    }

    /// Answers another bundle from now on.
    pub(crate) fn publish(&self, bundle: &Value) {
        *self.state.answer.lock().unwrap() = (200, None, bundle.to_string());
    }

    /// Answers with a status, and a place to go to.
    pub(crate) fn answer(&self, status: u16, location: Option<&str>) {
        *self.state.answer.lock().unwrap() = (status, location.map(str::to_owned), String::new());
    }

    /// How many requests came.
    pub(crate) fn asked(&self) -> usize {
        self.state.asked.load(Ordering::SeqCst)
    }

    /// How many clients did not want the certificate.
    pub(crate) fn refused(&self) -> usize {
        self.state.refused.load(Ordering::SeqCst)
    }
}

async fn serve(listener: TcpListener, state: Arc<State>) {
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let config = rustls::ServerConfig::builder_with_provider(provider).with_safe_default_protocol_versions().unwrap();
    let resolver: Arc<dyn ResolvesServerCert> = Arc::<State>::clone(&state);
    let acceptor = TlsAcceptor::from(Arc::new(config.with_no_client_auth().with_cert_resolver(resolver)));
    while let Ok((stream, _)) = listener.accept().await {
        let (acceptor, state) = (acceptor.clone(), Arc::clone(&state));
        tokio::spawn(async move {
            let Ok(stream) = acceptor.accept(stream).await else {
                state.refused.fetch_add(1, Ordering::SeqCst);
                return;
            };
            let served = Arc::clone(&state);
            let service = service_fn(move |_: Request<Incoming>| {
                let answer = served.answer();
                async move { Ok::<_, Infallible>(answer) }
            });
            // In TLS 1.3 a client refuses after the server has finished.
            if Builder::new(TokioExecutor::new()).serve_connection(TokioIo::new(stream), service).await.is_err() {
                state.refused.fetch_add(1, Ordering::SeqCst);
            }
        });
    }
}

impl State {
    fn answer(&self) -> Response<Full<Bytes>> {
        self.asked.fetch_add(1, Ordering::SeqCst);
        let (status, location, body) = self.answer.lock().unwrap().clone();
        let response = Response::builder().status(status).header("content-type", "application/json");
        let response = location.iter().fold(response, |response, location| response.header("location", location));
        response.body(Full::from(body)).unwrap()
    }
}

impl ResolvesServerCert for State {
    fn resolve(&self, _: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        Some(Arc::clone(&self.certified.lock().unwrap()))
    }
}

impl fmt::Debug for State {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("State")
    }
}

fn certified(pem: &str) -> Arc<CertifiedKey> {
    let chain = vec![CertificateDer::from_pem_slice(pem.as_bytes()).unwrap()];
    let key = PrivateKeyDer::from_pem_slice(pem.as_bytes()).unwrap();
    Arc::new(CertifiedKey::from_der(chain, key, &rustls::crypto::aws_lc_rs::default_provider()).unwrap())
}
