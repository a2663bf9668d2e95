//! One `[[platform]]`: whom it lets in, and what they are called.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;

use aws_lc_rs::hmac;
use procura_token::{Issuer, TrustDomain, WorkloadId};

use super::attribute::{self, Attributes};
use super::identity::{self, PlatformIdentity};
use super::profile::Profile;
use super::require::Requirements;
use super::template::PathTemplate;
use super::witness::Statement;
use super::{PlatformError, PlatformRuleError, registry};
use crate::trust::PrivateAddresses;
use crate::trust::view::{AuthorityView, PlatformRuleView};

/// What to know of a rule. Texts are as the configuration has them.
#[derive(Clone, Debug)]
pub struct PlatformRuleSettings {
    /// The platform.
    pub kind: String,
    /// Its name, which no other rule has.
    pub name: String,
    /// Where its workloads are.
    pub trust_domain: TrustDomain,
    /// The issuer of its tokens, if the platform leaves it open.
    pub issuer: Option<Issuer>,
    /// What the only audience of a credential may be; not empty.
    pub audiences: Vec<String>,
    /// The template of its identifiers' path; `None` for the platform's.
    pub path: Option<String>,
    /// Attributes and the values they may have.
    pub require: BTreeMap<String, Vec<String>>,
    /// The issuer's key set, from a file instead of from discovery.
    pub jwks_file: Option<PathBuf>,
    /// Certificates to trust instead of the system's.
    pub ca_file: Option<PathBuf>,
    /// Where the issuer may be beside the public internet.
    pub private_addresses: PrivateAddresses,
    /// Where signed requests for AWS may go; for `aws-sts` alone.
    pub sts_endpoints: Option<Vec<Issuer>>,
    /// The API server of the cluster; for `kubernetes` alone.
    pub api_server: Option<ApiServerSettings>,
    /// For TPMs.
    pub tpm: Option<TpmSettings>,
}

/// An API server that is asked about tokens, or for its keys.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ApiServerSettings {
    /// Its URL.
    pub url: Issuer,
    /// The file of the bearer token it is shown.
    pub token_file: Option<PathBuf>,
    /// Whether it is asked about each token.
    pub token_review: bool,
}

impl ApiServerSettings {
    /// `path` on it.
    pub(super) fn url_of(&self, path: &str) -> String {
        format!("{}{path}", self.url.as_str().trim_end_matches('/'))
    }
}

/// What to know of enrolled TPMs.
#[derive(Clone, Debug)]
pub struct TpmSettings {
    /// The file that lists them.
    pub devices_file: PathBuf,
    /// The secret behind challenges, the same on every copy of the service.
    pub secret: hmac::Key,
}

/// A rule whose settings make sense.
#[derive(Clone, Debug)]
pub(super) struct Rule {
    pub(super) name: Arc<str>,
    pub(super) profile: &'static Profile,
    pub(super) issuer: Option<Issuer>,
    pub(super) settings: Arc<PlatformRuleSettings>,
    require: Requirements,
    path: PathTemplate,
}

impl Rule {
    /// # Errors
    /// [`PlatformRuleError`]: the key that is wrong, and the remedy.
    pub(super) fn new(settings: PlatformRuleSettings) -> Result<Self, PlatformRuleError> {
        let error = |key: &'static str, (what, remedy): (String, String)| PlatformRuleError {
            rule: settings.name.clone(),
            key,
            what,
            remedy,
        };
        let profile = registry::find(&settings.kind).ok_or_else(|| {
            let known: Vec<&str> = registry::PROFILES.iter().map(|profile| profile.kind).collect();
            error("kind", (format!("is `{}`, which is unknown", settings.kind), format!("it is one of {}", known.join(", "))))
        })?;
        let issuer = profile.issuer.settle(settings.issuer.as_ref()).map_err(|cause| error("issuer", cause))?;
        let require = Requirements::new(&settings.require, profile).map_err(|cause| error("require", cause))?;
        let tenant = (profile.tenant)(issuer.as_ref().map_or("", Issuer::as_str));
        if !tenant.is_empty() && !tenant.iter().any(|name| require.names(name)) {
            let what = format!("lets in whoever has tokens of this issuer, strangers too: {}", profile.title);
            return Err(error("require", (what, format!("name those who are yours, by {}", tenant.join(" or ")))));
        }
        let path = PathTemplate::parse(settings.path.as_deref().unwrap_or(profile.path), profile)
            .map_err(|what| error("path", (what, "write it like \"/ci/{attribute}\"".to_owned())))?;
        if let Some(name) = profile.identity.iter().find(|name| !path.names(name) && !require.pin(name)) {
            let what = format!("leaves out `{name}`, which tells one workload from another");
            return Err(error("path", (what, format!("write `{{{name}}}` in it, or give `require` one value of `{name}`"))));
        }
        Ok(Self { name: settings.name.as_str().into(), profile, issuer, settings: Arc::new(settings), require, path })
    }

    /// The name of the authority that judges its credentials: the issuer, or for kinds without the assertion type.
    pub(super) fn authority(&self) -> &str {
        self.issuer.as_ref().map_or(self.profile.assertion.as_str(), Issuer::as_str)
    }

    /// Whether a workload could have this identifier by this rule; then by no other.
    pub(super) fn may_give(&self, id: &WorkloadId) -> bool {
        self.settings.trust_domain.as_str() == id.trust_domain() && self.path.may_give(&self.require, id.path())
    }

    /// What people are told of it, where its keys are from and whether it is disabled aside.
    pub(super) fn view(&self, authority: AuthorityView) -> PlatformRuleView {
        PlatformRuleView {
            name: self.name.to_string(),
            platform: self.profile.title,
            issuer: self.authority().to_owned(),
            authority,
            trust_domain: self.settings.trust_domain.to_string(),
            path: self.settings.path.clone().unwrap_or_else(|| self.profile.path.to_owned()),
            audiences: self.settings.audiences.clone(),
            require: self.settings.require.clone(),
            disabled: None,
        }
    }

    /// Whether two workloads could have one identifier, one by this rule and one by `other`.
    pub(super) fn may_meet(&self, other: &Self) -> bool {
        self.settings.trust_domain == other.settings.trust_domain
            && self.path.may_meet(&self.require, &other.path, &other.require)
    }

    /// The attributes of a credential that this rule is for.
    ///
    /// # Errors
    /// Why it is not.
    pub(super) fn fit(&self, statement: &Statement) -> Result<Attributes, String> {
        if !self.settings.audiences.contains(&statement.audience) {
            return Err("the audience is another rule's".to_owned());
        }
        let attributes = attribute::read(self.profile.attributes, &statement.claims).map_err(|cause| cause.to_string())?;
        self.require.verify(&attributes)?;
        Ok(attributes)
    }

    /// Who it is that made `statement`, whose attributes these are.
    ///
    /// # Errors
    /// [`PlatformError::Pitfall`] or [`PlatformError::NoIdentifier`].
    pub(super) fn identify(&self, statement: &Statement, attributes: Attributes) -> Result<PlatformIdentity, PlatformError> {
        let rule = || self.name.to_string();
        (self.profile.verify)(&attributes, &self.require).map_err(|what| PlatformError::Pitfall { rule: rule(), what })?;
        let no_identifier = |what| PlatformError::NoIdentifier { rule: rule(), what };
        let path = self.path.fill(&attributes).map_err(no_identifier)?;
        let id = format!("spiffe://{}{path}", self.settings.trust_domain).parse::<WorkloadId>();
        let id = id.map_err(|cause| no_identifier(cause.to_string()))?;
        let principal = identity::principal(self.profile, &statement.issuer, &attributes)
            .ok_or_else(|| no_identifier("the credential lacks what tells its workload from others".to_owned()))?;
        Ok(PlatformIdentity {
            id,
            kind: self.profile.kind,
            rule: Arc::clone(&self.name),
            authority: self.authority().into(),
            principal,
            digest: identity::digest(self.profile.kind, &self.name, &attributes),
            attributes,
            issued_at: statement.issued_at,
            valid_from: statement.valid_from,
            expires: statement.expires,
            believed_until: statement.believed_until,
            fingerprint: statement.fingerprint,
            key: statement.key,
        })
    }
}
