//! A server on this machine that speaks TLS and answers with whatever bytes a test likes.

use std::future::Future;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use rcgen::{CertifiedKey, generate_simple_self_signed};
use rustls::pki_types::PrivateKeyDer;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;

pub(in crate::trust) struct Server {
    pub(in crate::trust) address: SocketAddr,
    /// Its certificate in PEM.
    pub(in crate::trust) pem: tempfile::NamedTempFile,
    connections: Arc<AtomicUsize>,
}

impl Server {
    /// Listens at `ip`, is certified for `name`, and lets `answer` write to each connection once the head of a request came.
    pub(in crate::trust) async fn start<F, A>(ip: &str, name: &str, answer: F) -> Self
    where
        F: Fn(String, TlsStream<TcpStream>) -> A + Clone + Send + 'static,
        A: Future<Output = ()> + Send,
    {
        let listener = TcpListener::bind((ip, 0)).await.unwrap();
        let address = listener.local_addr().unwrap();
        let CertifiedKey { cert, signing_key } = generate_simple_self_signed([name.to_owned()]).unwrap();
        let pem = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(pem.path(), cert.pem()).unwrap();
        let key = PrivateKeyDer::try_from(signing_key.serialize_der()).unwrap();
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let config = rustls::ServerConfig::builder_with_provider(provider).with_safe_default_protocol_versions().unwrap();
        let config = config.with_no_client_auth().with_single_cert(vec![cert.der().clone()], key).unwrap();
        let (acceptor, connections) = (TlsAcceptor::from(Arc::new(config)), Arc::new(AtomicUsize::new(0)));
        tokio::spawn({
            let connections = Arc::clone(&connections);
            async move {
                while let Ok((stream, _)) = listener.accept().await {
                    connections.fetch_add(1, Ordering::SeqCst);
                    let (acceptor, answer) = (acceptor.clone(), answer.clone());
                    tokio::spawn(async move {
                        let Ok(mut stream) = acceptor.accept(stream).await else { return };
                        let head = head(&mut stream).await;
                        answer(head, stream).await;
                    });
                }
            }
        });
        Self { address, pem, connections }
    }

    /// One that answers every request with these bytes.
    pub(in crate::trust) async fn saying(answer: impl Into<Vec<u8>>) -> Self {
        let answer: Arc<[u8]> = answer.into().into();
        let answer = move |_: String, mut stream: TlsStream<TcpStream>| {
            let answer = Arc::clone(&answer);
            async move {
                // The client may have enough before the end.
                let _ = stream.write_all(&answer).await;
                let _ = stream.shutdown().await;
            }
        };
        Self::start("127.0.0.1", "localhost", answer).await
    }

    pub(in crate::trust) fn url(&self, path: &str) -> String {
        format!("https://localhost:{}{path}", self.address.port())
    }

    pub(in crate::trust) fn connections(&self) -> usize {
        self.connections.load(Ordering::SeqCst)
    }
}

/// Everything up to the empty line.
async fn head(stream: &mut TlsStream<TcpStream>) -> String {
    let (mut head, mut byte) = (Vec::new(), [0]);
    while !head.ends_with(b"\r\n\r\n") && stream.read(&mut byte).await.is_ok_and(|read| read == 1) {
        head.extend(byte);
    }
    String::from_utf8_lossy(&head).into_owned()
}
