//! The messages of the Workload API (SPIFFE Workload API, appendices), as far as they are read here.

use std::collections::BTreeMap;

/// Every request: none of those made here has a parameter.
#[derive(Clone, Copy, PartialEq, prost::Message)]
pub(super) struct Request {}

/// `X509BundlesResponse`: by the SPIFFE ID of the trust domain, certificates in DER one after the other.
#[derive(Clone, PartialEq, prost::Message)]
pub(super) struct X509Bundles {
    #[prost(btree_map = "string, bytes", tag = "2")]
    pub(super) bundles: BTreeMap<String, Vec<u8>>,
}

/// `JWTBundlesResponse`: by the SPIFFE ID of the trust domain, JWK Sets.
#[derive(Clone, PartialEq, prost::Message)]
pub(super) struct JwtBundles {
    #[prost(btree_map = "string, bytes", tag = "1")]
    pub(super) bundles: BTreeMap<String, Vec<u8>>,
}

/// `WITBundlesResponse`: by the SPIFFE ID of the trust domain, JWK Sets.
#[derive(Clone, PartialEq, prost::Message)]
pub(super) struct WitBundles {
    #[prost(btree_map = "string, string", tag = "1")]
    pub(super) bundles: BTreeMap<String, String>,
}

/// `X509SVIDResponse`: the identities this workload is entitled to, the default one first.
#[derive(Clone, PartialEq, prost::Message)]
#[prost(skip_debug)]
pub(super) struct X509Svids {
    #[prost(message, repeated, tag = "1")]
    pub(super) svids: Vec<X509Svid>,
}

/// `X509SVID`. It has a private key and does not print.
#[derive(Clone, PartialEq, prost::Message)]
#[prost(skip_debug)]
pub(super) struct X509Svid {
    #[prost(string, tag = "1")]
    pub(super) spiffe_id: String,
    /// Certificates in DER one after the other, leaf first.
    #[prost(bytes = "vec", tag = "2")]
    pub(super) x509_svid: Vec<u8>,
    /// PKCS#8 in DER.
    #[prost(bytes = "vec", tag = "3")]
    pub(super) x509_svid_key: Vec<u8>,
}
