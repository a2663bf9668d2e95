//! One connection to a Workload API, and calls over it.

use std::time::Duration;

use http::Uri;
use http::uri::PathAndQuery;
use tonic::client::Grpc;
use tonic::metadata::MetadataValue;
use tonic::transport::{Channel, Endpoint};
use tonic::{Request, Status, Streaming};
use tonic_prost::ProstCodec;

use super::endpoint::{Address, WorkloadApiEndpoint};
use super::message;

/// The most bytes of one message.
const MAX_MESSAGE: usize = 4 * 1024 * 1024;
/// How long a connection over TCP may take.
const CONNECT: Duration = Duration::from_secs(5);
/// How long a connection over TCP may be silent before the kernel asks whether the other end is there. Pings of HTTP/2 would do
/// the same, but servers of gRPC end connections that send more than one in five minutes.
const KEEPALIVE: Duration = Duration::from_secs(30);

/// A client whose connection is made when it is needed, and made anew when it broke. Clones share it.
#[derive(Clone, Debug)]
pub(super) struct Client(Channel);

impl Client {
    /// Must be called within a runtime.
    pub(super) fn new(endpoint: &WorkloadApiEndpoint) -> Self {
        let target = match endpoint.address() {
            Address::Unix(path) => Endpoint::from_shared(format!("unix://{path}")),
            Address::Tcp(address) => Endpoint::from_shared(format!("http://{address}")),
        };
        // A path is taken as it is, and an address with a port is a URL's authority.
        let target = target.unwrap_or_else(|_| Endpoint::from_static("http://127.0.0.1:1"));
        let target = target.origin(Uri::from_static("http://localhost")).connect_timeout(CONNECT);
        Self(target.tcp_keepalive(Some(KEEPALIVE)).tcp_keepalive_interval(Some(KEEPALIVE / 3)).connect_lazy())
    }

    /// Calls `rpc`, which has no parameters and answers with a stream.
    pub(super) async fn open<M>(&self, rpc: &'static str) -> Result<Streaming<M>, Status>
    where
        M: prost::Message + Default + 'static,
    {
        let mut grpc = Grpc::new(self.0.clone()).max_decoding_message_size(MAX_MESSAGE);
        grpc.ready().await.map_err(|cause| Status::unavailable(cause.to_string()))?;
        let mut request = Request::new(message::Request {});
        // Without it a server must refuse: a request that was forged from within a workload would not have it (Workload
        // Endpoint section 3).
        request.metadata_mut().insert("workload.spiffe.io", MetadataValue::from_static("true"));
        let codec = ProstCodec::<message::Request, M>::default();
        grpc.server_streaming(request, PathAndQuery::from_static(rpc), codec).await.map(tonic::Response::into_inner)
    }
}
