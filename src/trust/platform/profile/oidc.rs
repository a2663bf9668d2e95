//! Any other OpenID issuer whose tokens name workloads.
//!
//! OpenID Connect Core 1.0 section 2.

use procura_token::Algorithm;

use super::{IssuerRule, Profile};
use crate::trust::platform::attribute::Attribute;

/// An issuer never gives `sub` to another (section 2): the one promise all of them make. Nothing says which of its subjects are
/// workloads and which are people, so a rule has to.
pub(in crate::trust::platform) const PROFILE: Profile = Profile {
    kind: "oidc",
    title: "OpenID Connect",
    issuer: IssuerRule::Any { default: None },
    algorithms: Algorithm::DEFAULT,
    attributes: &[
        Attribute::claim("subject", &["sub"]).required(),
        Attribute::claim("authorized_party", &["azp"]),
        Attribute::claim("client_id", &["client_id"]),
    ],
    identity: &["subject"],
    tenant: |_| &["subject", "authorized_party", "client_id"],
    path: "/oidc/{subject}",
    ..Profile::JWT
};
