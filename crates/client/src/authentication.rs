//! How a caller proves who it is at a token endpoint.

use procura_token::{CertificateThumbprint, Confirmation, WorkloadId};

use crate::{AgentKey, HeldWit, Secret};

/// The ways there are; a request uses exactly one (RFC 6749 section 2.3).
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub enum Authentication<'a> {
    /// A JWT-SVID as client assertion, whose `aud` is the issuer alone.
    JwtSvid(&'a Secret),
    /// A WIT in `Workload-Identity-Token`, and a proof by its key.
    Wit(&'a HeldWit, WitProof),
    /// The X.509-SVID that the connection is made with; this SPIFFE ID is sent as `client_id`.
    X509Svid(&'a WorkloadId),
    /// What a platform (a CI system, a cloud, a cluster) gave its workload, as client assertion.
    Platform(PlatformAssertion, &'a Secret),
}

/// How a platform's credential is presented.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum PlatformAssertion {
    /// An ID token of the platform's issuer, whose `aud` is the issuer of the token endpoint alone (RFC 7523 section 2.2).
    Token,
    /// A request for `GetCallerIdentity`, signed by the AWS role or user that calls, for the token endpoint and the agent's key:
    /// base64url of its JSON.
    AwsRequest,
}

impl PlatformAssertion {
    /// `client_assertion_type`.
    pub const fn assertion_type(self) -> &'static str {
        match self {
            Self::Token => "urn:ietf:params:oauth:client-assertion-type:jwt-bearer",
            Self::AwsRequest => "urn:procura:client-assertion-type:aws-sts",
        }
    }

    /// A private name: none is registered.
    pub(crate) const fn method(self) -> &'static str {
        match self {
            Self::Token => "procura_platform_jwt",
            Self::AwsRequest => "procura_aws_sts",
        }
    }
}

/// How the key of a WIT is proved.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WitProof {
    /// A Workload Proof Token in `Authorization: WPT` (draft-ietf-wimse-wpt).
    Wpt,
    /// A signature over the message, body included (draft-ietf-wimse-http-signature).
    Signature,
}

impl Authentication<'_> {
    /// What a server that offers it lists in `token_endpoint_auth_methods_supported`. The names for WITs and for
    /// platforms are private: none is registered.
    pub const fn method(&self) -> &'static str {
        match self {
            Self::JwtSvid(_) => "spiffe_jwt",
            Self::X509Svid(_) => "spiffe_x509",
            Self::Wit(_, proof) => proof.method(),
            Self::Platform(assertion, _) => assertion.method(),
        }
    }
}

impl WitProof {
    pub(crate) const fn method(self) -> &'static str {
        match self {
            Self::Wpt => "wimse_wpt",
            Self::Signature => "wimse_http_signature",
        }
    }
}

/// What a new token will be bound to.
#[derive(Clone, Copy, Debug)]
pub enum Binding<'a> {
    /// A key, proved by a DPoP proof. Of a caller with a WIT it is the key of the WIT.
    Key(&'a AgentKey),
    /// The client certificate of the connection (RFC 8705 section 3): for callers with an X.509-SVID alone.
    Certificate(CertificateThumbprint),
}

impl From<Binding<'_>> for Confirmation {
    fn from(binding: Binding<'_>) -> Self {
        match binding {
            Binding::Key(key) => Self::Key(key.thumbprint()),
            Binding::Certificate(certificate) => Self::Certificate(certificate),
        }
    }
}
