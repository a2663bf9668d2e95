//! A way to Redis that can be slow, or swallow everything.

use std::sync::Arc;
use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinHandle;

/// What happens to bytes on their way.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Way {
    Open,
    Slow(Duration),
    /// Nothing arrives and nobody is told, as on a network that drops packets. What was sent arrives when it opens again.
    Cut,
}

/// Listens on a port of its own and passes on to another.
pub(crate) struct Proxy {
    port: u16,
    way: Arc<watch::Sender<Way>>,
    task: JoinHandle<()>,
}

impl Proxy {
    pub(crate) async fn to(url: &str) -> Self {
        let target = url.strip_prefix("redis://").unwrap().to_owned();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let way = Arc::new(watch::Sender::new(Way::Open));
        let task = tokio::spawn(serve(listener, target, Arc::clone(&way)));
        Self { port, way, task }
    }

    pub(crate) fn url(&self) -> String {
        format!("redis://127.0.0.1:{}", self.port)
    }

    pub(crate) fn open(&self) {
        self.way.send_replace(Way::Open);
    }

    pub(crate) fn slow(&self, delay: Duration) {
        self.way.send_replace(Way::Slow(delay));
    }

    pub(crate) fn cut(&self) {
        self.way.send_replace(Way::Cut);
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn serve(listener: TcpListener, target: String, way: Arc<watch::Sender<Way>>) {
    while let Ok((near, _)) = listener.accept().await {
        let (target, way) = (target.clone(), way.subscribe());
        tokio::spawn(async move {
            // A refusal of the target ends the connection, as it would without a proxy.
            let Ok(far) = TcpStream::connect(&target).await else { return };
            let (near, far) = (near.into_split(), far.into_split());
            // When one direction ends, so does the other.
            tokio::select! {
                () = pass(near.0, far.1, way.clone()) => {}
                () = pass(far.0, near.1, way) => {}
            }
        });
    }
}

async fn pass(mut from: OwnedReadHalf, mut to: OwnedWriteHalf, mut way: watch::Receiver<Way>) {
    let mut buffer = vec![0; 64 * 1024];
    while let Ok(length @ 1..) = from.read(&mut buffer).await {
        let now = *way.borrow();
        match now {
            Way::Open => {}
            Way::Slow(delay) => tokio::time::sleep(delay).await,
            Way::Cut => drop(way.wait_for(|way| *way != Way::Cut).await),
        }
        if to.write_all(&buffer[..length]).await.is_err() {
            return;
        }
    }
}
