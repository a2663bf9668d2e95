use super::{DEADLINE, Exchange, Present, World};
use crate::certificate::Certified;
use crate::jose::Key;
use anyhow::{Context, Result};
use reqwest::{Certificate, Client, Identity};

impl World {
    /// The token endpoint where a client shows its certificate (RFC 8705 section 5).
    pub(crate) fn mutual_endpoint(&self) -> Option<&str> {
        self.metadata["mtls_endpoint_aliases"]["token_endpoint"].as_str()
    }

    /// A client with a certificate; with none, it shows none.
    pub(crate) fn client(&self, certified: Option<&Certified>) -> Result<Client> {
        let root = self.options.tls_root.as_deref().context("no --tls-root given")?;
        let root = Certificate::from_pem(root.as_bytes())?;
        let mut builder = Client::builder().timeout(DEADLINE).redirect(reqwest::redirect::Policy::none()).no_proxy();
        builder = builder.tls_certs_only([root]);
        if let Some(certified) = certified {
            builder = builder.identity(Identity::from_pem(certified.pem().as_bytes()).context("unusable certificate")?);
        }
        Ok(builder.build()?)
    }

    /// A client that calls from this address.
    pub(crate) fn client_at(&self, address: std::net::IpAddr) -> Result<Client> {
        Ok(Client::builder().timeout(DEADLINE).no_proxy().local_address(address).build()?)
    }

    /// The agent asks for a token on behalf of the user and shows nothing but a certificate.
    pub(crate) fn bare_exchange(&self) -> Exchange {
        let mut exchange = self.exchange_with(&Key::generate());
        exchange.remove("client_assertion");
        exchange.remove("client_assertion_type");
        exchange.set("client_id", &self.options.agent);
        exchange.present = Present::Never;
        exchange
    }
}
