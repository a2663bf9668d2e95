#![doc = include_str!("../README.md")]
#![deny(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]

mod access_token;
mod actor;
mod algorithm;
mod approval_token;
mod audience;
mod authorization_details;
pub mod base64url;
#[cfg(feature = "x509")]
mod bundle;
mod claim_rules;
mod confirmation;
mod consent;
mod der;
mod dpop;
mod error;
mod field;
mod foreign_access_token;
mod htu;
mod id_token;
mod introspection;
mod json;
mod jwk;
mod jws;
mod jwt_svid;
mod key;
mod nonce;
mod oauth;
mod platform_token;
mod posture_token;
mod random;
mod replay_memory;
mod signature;
#[cfg(feature = "sign")]
mod signing;
mod statement;
mod text;
mod thumbprint;
mod time;
#[cfg(feature = "tpm")]
pub mod tpm;
mod trust_domain;
mod user_claims;
mod verified;
mod window;
mod wit;
mod workload_id;
mod wpt;
#[cfg(feature = "x509")]
mod x509;

pub use access_token::{AccessToken, AccessTokenRules, Delegation, DelegationId};
pub use actor::{Actor, ActorChain, MAX_ACTOR_NAMES, MAX_ACTORS};
pub use algorithm::Algorithm;
pub use approval_token::{ApprovalToken, UserName};
pub use audience::Audience;
pub use authorization_details::{
    AuthorizationDetail, AuthorizationDetails, DetailError, DetailNumber, DetailType, DetailTypes, DetailValue, FieldRule,
    MAX_DETAILS,
};
#[cfg(feature = "x509")]
pub use bundle::Bundle;
pub use claim_rules::{ClaimRules, ClaimValue, RequiredClaim};
pub use confirmation::{Confirmation, JwkConfirmation};
pub use consent::Consent;
pub use dpop::{DpopProof, DpopRules, Freshness, NewDpopProof, VerifiedDpopProof};
pub use error::{ParseError, VerifyError};
pub use field::{TXN_TOKEN, WORKLOAD_IDENTITY_TOKEN, sole_field, token_fields, workload_identity_token, wpt_credentials};
pub use foreign_access_token::{ForeignAccessToken, ForeignAccessTokenRules};
pub use htu::Htu;
pub use id_token::{IdToken, IdTokenRules, NewIdToken};
pub use introspection::{Introspected, IntrospectionRules};
pub use json::{MAX_DEPTH, parse as parse_json};
pub use jwk::{Jwk, JwkSet, MAX_KEY_ID, MAX_KEYS};
pub use jws::MAX_TOKEN;
pub use jwt_svid::{JwtSvid, JwtSvidRules, NewJwtSvid};
pub use key::{KeySet, VerifyingKey};
pub use nonce::Nonces;
pub use oauth::{Issuer, Resource, Scope, ScopeSet, Subject, TokenId, TokenType};
pub use platform_token::{PlatformClaims, PlatformToken, PlatformTokenRules};
pub use posture_token::PostureToken;
pub use random::random_bytes;
pub use replay_memory::{Claimed, ReplayMemory, ReplayMemoryFull};
#[cfg(feature = "sign")]
pub use signature::{MessageSignError, NewRequestSignature, NewResponseSignature, SignatureFields};
pub use signature::{
    RequestHead, RequestSignatureRules, ResponseHead, ResponseSignatureRules, UnverifiedRequestSignature,
    UnverifiedResponseSignature, VerifiedHead, VerifiedSignature, content_digest, verify_content_digest,
};
#[cfg(feature = "sign")]
pub use signing::{SignError, Signer, SigningKey};
pub use statement::{Statement, StatementRules};
pub use thumbprint::{CertificateThumbprint, Thumbprint, access_token_hash, sha256};
pub use time::UnixTime;
pub use trust_domain::TrustDomain;
pub use user_claims::{Authentication, UserClaims};
pub use verified::{Unverified, Verified};
pub use window::{MAX_PROOF_AHEAD, MAX_PROOF_LIFETIME, MAX_SKEW};
pub use wit::{NewWit, Wit};
pub use workload_id::{MAX_WORKLOAD_ID, WorkloadId};
pub use wpt::{NewWpt, VerifiedWpt, Wpt, WptRules};
#[cfg(feature = "x509")]
pub use x509::{
    CertificateDer, CertificateError, LeftOut, MAX_CHAIN, MAX_CHAIN_BYTES, PeerCertificate, UnverifiedX509Svid, VerifiedX509Svid,
    X509Authorities, split_certificates,
};
