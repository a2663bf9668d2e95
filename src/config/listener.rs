//! The tables of further listeners, and of proxies before them.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use procura_token::Issuer;
use schemars::JsonSchema;
use serde::Deserialize;

use super::{AddressRange, Config, ConfigError, Secret, WorkloadApiAddress};

/// `[server.tls]`
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct TlsConfig {
    /// The certificate chain in PEM, leaf first.
    #[serde(default)]
    pub certificate_file: Option<PathBuf>,
    /// Its private key in PEM.
    #[serde(default)]
    pub key_file: Option<PathBuf>,
    /// Instead of both: the server of the SPIFFE Workload API that gives us an X.509-SVID, written as in `[[trust_domain]]`.
    #[serde(default)]
    #[schemars(with = "Option<String>")]
    pub workload_api: Option<WorkloadApiAddress>,
    /// Let clients that know no TLS 1.3 use TLS 1.2. Default false.
    #[serde(default)]
    pub allow_tls12: bool,
}

/// Where a listener's certificate and key come from.
#[derive(Clone, Copy, Debug)]
pub enum IdentityConfig<'a> {
    /// From files.
    Files {
        /// The certificate chain.
        certificate: &'a Path,
        /// The private key.
        key: &'a Path,
    },
    /// From the Workload API.
    WorkloadApi(&'a WorkloadApiAddress),
}

impl<'a> IdentityConfig<'a> {
    fn new(
        table: &str,
        certificate: Option<&'a PathBuf>,
        key: Option<&'a PathBuf>,
        workload_api: Option<&'a WorkloadApiAddress>,
    ) -> Result<Self, ConfigError> {
        match (certificate, key, workload_api) {
            (Some(certificate), Some(key), None) => Ok(Self::Files { certificate, key }),
            (None, None, Some(address)) => Ok(Self::WorkloadApi(address)),
            _ => {
                let remedy = "give `certificate_file` and `key_file`, or `workload_api` alone";
                Err(ConfigError::rule(table, "does not name one certificate and its key", remedy))
            }
        }
    }
}

impl TlsConfig {
    /// Where certificate and key come from.
    ///
    /// # Errors
    /// [`ConfigError`] unless there are either both files or a server. A file that was read whole has one.
    pub fn identity(&self) -> Result<IdentityConfig<'_>, ConfigError> {
        let (certificate, key) = (self.certificate_file.as_ref(), self.key_file.as_ref());
        IdentityConfig::new("server.tls", certificate, key, self.workload_api.as_ref())
    }
}

/// `[mtls]`
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct MtlsConfig {
    /// The address of the listener that requires a client certificate, such as `0.0.0.0:8444`.
    #[schemars(with = "String")]
    pub listen: SocketAddr,
    /// The base URL under which clients reach it, with the issuer's path if that has one. The metadata names it, and proofs
    /// may.
    #[schemars(with = "String")]
    pub url: Issuer,
    /// The certificate chain in PEM, leaf first.
    #[serde(default)]
    pub certificate_file: Option<PathBuf>,
    /// Its private key in PEM.
    #[serde(default)]
    pub key_file: Option<PathBuf>,
    /// Instead of both: the server of the SPIFFE Workload API that gives us an X.509-SVID, written as in `[[trust_domain]]`.
    #[serde(default)]
    #[schemars(with = "Option<String>")]
    pub workload_api: Option<WorkloadApiAddress>,
    /// Let clients that know no TLS 1.3 use TLS 1.2, which shows their certificates to the network. Default false.
    #[serde(default)]
    pub allow_tls12: bool,
}

/// `[proxy]`
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ProxyConfig {
    /// The addresses from which proxies connect, such as `["10.0.0.0/8"]`. Whoever can connect from there can claim any
    /// certificate.
    #[schemars(with = "Vec<String>")]
    pub addresses: Vec<AddressRange>,
    /// The header field in which they tell the client's certificate. They must remove it from what clients send.
    pub client_certificate: CertificateField,
}

/// How a proxy tells the client's certificate.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum CertificateField {
    /// `Client-Cert` and `Client-Cert-Chain` (RFC 9440).
    ClientCert,
    /// `x-forwarded-client-cert` as Envoy writes it, with `Cert` or `Chain`.
    XForwardedClientCert,
}

/// `[admin]`
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct AdminConfig {
    /// The address of `/metrics`, `/healthz` and `/readyz`, such as `127.0.0.1:9090`. Plain HTTP, for anyone who can connect.
    #[schemars(with = "String")]
    pub listen: SocketAddr,
    /// What operators show as bearer token to see and revoke delegations: at least 32 characters. Without it these endpoints
    /// do not exist.
    #[serde(default)]
    pub token: Option<Secret>,
    /// The file that holds `token`.
    #[serde(default)]
    pub token_file: Option<PathBuf>,
}

impl AdminConfig {
    /// The operators' token, if one is configured.
    ///
    /// # Errors
    /// [`ConfigError`] if both notations are used, the file cannot be read, or the token is short or no header field's.
    pub fn token(&self) -> Result<Option<Secret>, ConfigError> {
        let wrong = |what| ConfigError::rule("admin.token", what, "make one with `openssl rand -hex 32`");
        match Secret::either("admin.token", self.token.as_ref(), self.token_file.as_deref())? {
            Some(token) if token.expose().len() < 32 => Err(wrong("has fewer than 32 characters")),
            Some(token) if !token.expose().bytes().all(|byte| byte.is_ascii_graphic()) => {
                Err(wrong("has spaces, or characters that are not ASCII"))
            }
            token => Ok(token),
        }
    }
}

impl MtlsConfig {
    /// Where certificate and key come from.
    ///
    /// # Errors
    /// As [`TlsConfig::identity`].
    pub fn identity(&self) -> Result<IdentityConfig<'_>, ConfigError> {
        let (certificate, key) = (self.certificate_file.as_ref(), self.key_file.as_ref());
        IdentityConfig::new("mtls", certificate, key, self.workload_api.as_ref())
    }
}

impl Config {
    pub(super) fn listeners(&self) -> Result<(), ConfigError> {
        self.server.tls.as_ref().map(TlsConfig::identity).transpose()?;
        self.mtls.as_ref().map(MtlsConfig::identity).transpose()?;
        if self.mtls.as_ref().is_some_and(|mtls| !mtls.url.as_str().starts_with("https://")) {
            return Err(ConfigError::rule("mtls.url", "is not https", "give the https URL under which clients reach it"));
        }
        let others = [
            ("mtls.listen", self.mtls.as_ref().map(|mtls| mtls.listen)),
            ("admin.listen", self.admin.as_ref().map(|admin| admin.listen)),
        ];
        let mut taken = vec![self.server.listen];
        for (key, address) in others.into_iter().filter_map(|(key, address)| Some((key, address?))) {
            if address.port() != 0 && taken.contains(&address) {
                return Err(ConfigError::rule(key, "is the address of another listener", "choose another port"));
            }
            taken.push(address);
        }
        self.proxy.as_ref().map_or(Ok(()), ProxyConfig::agree)
    }
}

impl ProxyConfig {
    fn agree(&self) -> Result<(), ConfigError> {
        let wrong = |what| Err(ConfigError::rule("proxy.addresses", what, "name the addresses of your proxies"));
        match self.addresses.as_slice() {
            [] => wrong("is empty"),
            ranges if ranges.iter().any(|range| range.0.prefix_len() == 0) => wrong("believes everyone"),
            _ => Ok(()),
        }
    }
}
