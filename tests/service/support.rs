//! What the tests are written with.

mod agent;
mod answer;
mod authority;
mod cluster;
mod door;
mod endpoint;
mod eventually;
mod form;
mod github;
mod held;
mod jwt;
mod operator;
mod platforms;
mod program;
mod provider;
mod service;
mod tpm;
mod trio;
mod vouching;
mod workload_api;
mod world;

pub(crate) use agent::Agent;
pub(crate) use answer::Answer;
pub(crate) use authority::Authority;
pub(crate) use cluster::Cluster;
pub(crate) use door::Door;
pub(crate) use endpoint::BundleEndpoint;
pub(crate) use eventually::eventually;
pub(crate) use form::Form;
pub(crate) use github::{GitHub, public, sign_rs256};
pub(crate) use held::Held;
pub(crate) use jwt::{claims, header, jwt_svid, malleate, sign};
pub(crate) use operator::{Operator, TOKEN};
pub(crate) use platforms::{Platforms, Row, rows};
pub(crate) use program::{Ended, procura, run};
pub(crate) use provider::{INTROSPECT, KEYS, METADATA, Page, Provider, THIS_MACHINE};
pub(crate) use service::Service;
pub(crate) use tpm::Tpm;
pub(crate) use trio::{ARCHIVIST, PLANNER, RESEARCHER, Trio, actors};
pub(crate) use vouching::{PAYMENTS, VAULT, Vouching};
pub(crate) use workload_api::{DEV, JWT_BUNDLES, WIT_BUNDLES, WorkloadApi, X509_BUNDLES, X509_SVID};
pub(crate) use world::{CALENDAR, ISSUER, MTLS_URL, World, now};

/// Grants are of ID tokens or JWTs.
pub(crate) const ID_TOKEN: &str = "urn:ietf:params:oauth:token-type:id_token";
pub(crate) const JWT: &str = "urn:ietf:params:oauth:token-type:jwt";
pub(crate) const ACCESS_TOKEN: &str = "urn:ietf:params:oauth:token-type:access_token";
pub(crate) const WIT: &str = "urn:procura:token-type:wit";
pub(crate) const BISCUIT: &str = "urn:procura:token-type:biscuit";
