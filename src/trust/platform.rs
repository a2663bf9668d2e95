//! Platforms: CI systems, clouds and clusters that already tell their workloads who they are.
//!
//! What a platform says, a *profile* reads as attributes; a *rule* of the configuration turns attributes into one workload
//! identifier. Two principals never have one identifier: rules keep what the platform never gives away again (its numeric
//! ids) in the identifier or fixed, templates are injective, and the templates of two rules do not meet. That a rule may be
//! changed while credentials made under the old one live, the store's promise of one holder takes care of.

mod attribute;
mod error;
mod identity;
mod profile;
mod registry;
mod require;
mod rule;
mod template;
#[cfg(test)]
mod tests;
mod witness;

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use procura_token::tpm::TpmCredential;
use procura_token::{Algorithm, PlatformToken, UnixTime, Unverified, WorkloadId};

pub use attribute::Attributes;
pub use error::{PlatformError, PlatformRuleError};
pub use identity::PlatformIdentity;
pub use registry::AssertionType;
pub use rule::{ApiServerSettings, PlatformRuleSettings, TpmSettings};

use super::TrustError;
use super::cache::{Name, VerifiedCache};
use super::view::{AuthorityView, PlatformRuleView};
use rule::Rule;
use witness::{IssuerKeys, Opening, Statement, Witness};

/// Rules that fit together, in the order in which they are tried.
#[derive(Clone, Debug, Default)]
pub struct PlatformRules(Vec<Rule>);

impl PlatformRules {
    /// # Errors
    /// [`PlatformRuleError`] for a rule that makes no sense, or that does not go with those before it.
    pub fn new(settings: impl IntoIterator<Item = PlatformRuleSettings>) -> Result<Self, PlatformRuleError> {
        let mut rules: Vec<Rule> = Vec::new();
        for settings in settings {
            let rule = Rule::new(settings)?;
            let error = |key: &'static str, what: String, remedy: &str| {
                Err(PlatformRuleError { rule: rule.name.to_string(), key, what, remedy: remedy.to_owned() })
            };
            if let Some(other) = rules.iter().find(|other| other.may_meet(&rule)) {
                let what = format!("can give the same identifier as that of `{}`", other.name);
                return error("path", what, "begin one of the two with a segment of its own");
            }
            for other in rules.iter().filter(|other| other.authority() == rule.authority()) {
                if let Some(key) = differing(&rule, other) {
                    return error(key, format!("is another than that of `{}`, which has the same issuer", other.name), SAME);
                }
            }
            rules.push(rule);
        }
        Ok(Self(rules))
    }
}

const SAME: &str = "give both the same, or it to one alone";

/// The key in which two rules of one authority contradict each other.
fn differing(one: &Rule, other: &Rule) -> Option<&'static str> {
    fn differ<T: PartialEq>(one: &Option<T>, other: &Option<T>) -> bool {
        one.is_some() && other.is_some() && one != other
    }
    let (one, other) = (&one.settings, &other.settings);
    let devices_file = |tpm: &TpmSettings| tpm.devices_file.clone();
    let keys = [
        ("tpm.devices_file", one.tpm.as_ref().map(devices_file) != other.tpm.as_ref().map(devices_file)),
        ("jwks_file", differ(&one.jwks_file, &other.jwks_file)),
        ("ca_file", differ(&one.ca_file, &other.ca_file)),
        ("aws_sts", differ(&one.sts_endpoints, &other.sts_endpoints)),
        ("kubernetes", one.api_server != other.api_server),
        ("private_addresses", one.private_addresses != other.private_addresses),
    ];
    keys.into_iter().find(|(_, differs)| *differs).map(|(key, _)| key)
}

/// Everyone who vouches for workloads of platforms, and whom they vouched for lately.
pub(super) struct Platforms {
    /// By issuer, or by assertion type for kinds whose credentials name no issuer.
    authorities: HashMap<String, Authority>,
    known: VerifiedCache<PlatformIdentity>,
    skew: Duration,
}

struct Authority {
    rules: Vec<Rule>,
    judge: Judge,
}

enum Judge {
    Keys(IssuerKeys),
    Witness(Box<dyn Witness>),
}

impl Platforms {
    /// Opens every authority. Nobody is asked yet.
    pub(super) async fn open(rules: &PlatformRules, skew: Duration, now: UnixTime) -> Result<Self, TrustError> {
        let mut by_authority: HashMap<String, Vec<Rule>> = HashMap::new();
        for rule in &rules.0 {
            by_authority.entry(rule.authority().to_owned()).or_default().push(rule.clone());
        }
        let mut authorities = HashMap::new();
        for (name, rules) in by_authority {
            let judge = open(&name, &rules, skew, now).await?;
            authorities.insert(name, Authority { rules, judge });
        }
        Ok(Self { authorities, known: VerifiedCache::default(), skew })
    }

    /// The ways in which a credential may be presented here.
    pub(super) fn assertions(&self) -> impl Iterator<Item = AssertionType> {
        let all = self.authorities.values().flat_map(|authority| &authority.rules).map(|rule| rule.profile.assertion);
        all.collect::<std::collections::BTreeSet<_>>().into_iter()
    }

    /// Who presents `text`.
    #[cfg(test)]
    async fn verify(&self, assertion: AssertionType, text: &str, now: UnixTime) -> Result<Arc<PlatformIdentity>, TrustError> {
        self.verify_for(assertion, text, None, now).await
    }

    /// Who presents `text`, beside a DPoP proof that names `nonce`.
    pub(super) async fn verify_for(
        &self,
        assertion: AssertionType,
        text: &str,
        nonce: Option<&str>,
        now: UnixTime,
    ) -> Result<Arc<PlatformIdentity>, TrustError> {
        let name = Name::new(text, assertion.as_str());
        if let Some(known) = self.known.get(&name)
            && let Some(authority) = self.authorities.get(known.credential.authority())
            && authority.version(now).await? == known.keys
            && now <= known.credential.believed_until + self.skew
        {
            known.credential.verify_time(now, self.skew)?;
            return Ok(known.credential);
        }
        let (identity, version) = self.judge(assertion, text, nonce, now).await?;
        if identity.believed_until < now {
            return Ok(Arc::new(identity));
        }
        Ok(self.known.remember(name, version, identity))
    }

    /// Whether tokens of that issuer are a platform's.
    pub(super) fn has_issuer(&self, issuer: &str) -> bool {
        self.authorities.contains_key(issuer)
    }

    /// The name of the rule that gives this identifier, and of the authority that judges what it lets in.
    pub(super) fn giver(&self, id: &WorkloadId) -> Option<(&str, &str)> {
        let rules = self.authorities.iter().flat_map(|(name, authority)| authority.rules.iter().map(move |rule| (rule, name)));
        rules.into_iter().find(|(rule, _)| rule.may_give(id)).map(|(rule, name)| (&*rule.name, name.as_str()))
    }

    /// The names of rules, and of the authorities that judge what they let in.
    pub(super) fn names(&self) -> (Vec<String>, Vec<String>) {
        let rules = self.authorities.values().flat_map(|authority| &authority.rules).map(|rule| rule.name.to_string());
        (rules.collect(), self.authorities.keys().cloned().collect())
    }

    /// What people are told of the rules.
    pub(super) async fn view(&self, now: UnixTime) -> Vec<PlatformRuleView> {
        let mut views = Vec::new();
        for authority in self.authorities.values() {
            let keys = match &authority.judge {
                Judge::Keys(keys) => keys.view(now).await,
                Judge::Witness(_) => AuthorityView::new("the platform's answer".to_owned(), None, Ok(Vec::new())),
            };
            views.extend(authority.rules.iter().map(|rule| rule.view(keys.clone())));
        }
        views
    }

    /// Has keys read again if they are in files, or if they are not, as `is_file` says.
    pub(super) async fn reload(&self, is_file: bool, now: UnixTime) {
        for authority in self.authorities.values() {
            if let Judge::Keys(keys) = &authority.judge {
                keys.reload(is_file, now).await;
            }
        }
    }

    /// See [`Witness::challenge_tpm`].
    pub(super) fn challenge_tpm(&self, ek_public: &[u8], ak_public: &[u8], now: UnixTime) -> Result<TpmCredential, TrustError> {
        match self.authorities.get(AssertionType::TPM.as_str()).map(|authority| &authority.judge) {
            Some(Judge::Witness(witness)) => witness.challenge_tpm(ek_public, ak_public, now),
            Some(Judge::Keys(_)) | None => Err(TrustError::UnknownIssuer),
        }
    }

    async fn judge(
        &self,
        assertion: AssertionType,
        text: &str,
        nonce: Option<&str>,
        now: UnixTime,
    ) -> Result<(PlatformIdentity, u64), TrustError> {
        let (authority, statement, version) = if assertion == AssertionType::JWT_BEARER {
            let token = Unverified::<PlatformToken>::parse(text)?;
            let authority = self.authorities.get(token.issuer().as_str()).ok_or(TrustError::UnknownIssuer)?;
            match &authority.judge {
                Judge::Keys(keys) => {
                    let (statement, version) = keys.judge(token, now).await?;
                    (authority, statement, version)
                }
                Judge::Witness(witness) => (authority, witness.judge(text, now).await?, 0),
            }
        } else {
            let authority = self.authorities.get(assertion.as_str()).ok_or(TrustError::UnknownIssuer)?;
            match &authority.judge {
                Judge::Witness(witness) => (authority, witness.judge_for(text, nonce, now).await?, 0),
                Judge::Keys(_) => return Err(TrustError::UnknownIssuer),
            }
        };
        Ok((authority.identify(&statement)?, version))
    }
}

impl Authority {
    async fn version(&self, now: UnixTime) -> Result<u64, TrustError> {
        match &self.judge {
            Judge::Keys(keys) => keys.version(now).await,
            Judge::Witness(_) => Ok(0),
        }
    }

    /// The first rule that fits decides.
    fn identify(&self, statement: &Statement) -> Result<PlatformIdentity, PlatformError> {
        let mut misfits = Vec::new();
        for rule in &self.rules {
            match rule.fit(statement) {
                Ok(attributes) => return rule.identify(statement, attributes),
                Err(why) => misfits.push(format!("`{}`: {why}", rule.name)),
            }
        }
        Err(PlatformError::NoRule(misfits.join("; ")))
    }
}

async fn open(name: &str, rules: &[Rule], skew: Duration, now: UnixTime) -> Result<Judge, TrustError> {
    let Some(first) = rules.first() else { return Err(TrustError::UnknownIssuer) };
    let settings: Vec<&PlatformRuleSettings> = rules.iter().map(|rule| &*rule.settings).collect();
    let audiences: Vec<String> = settings.iter().flat_map(|rule| rule.audiences.iter().cloned()).collect();
    let allowed = |algorithm: &Algorithm| rules.iter().all(|rule| rule.profile.algorithms.contains(algorithm));
    let algorithms: Vec<Algorithm> = first.profile.algorithms.iter().copied().filter(allowed).collect();
    let name = format!("{} {name}", first.profile.title);
    let opening = Opening {
        name: &name,
        issuer: first.issuer.as_ref(),
        rules: &settings,
        audiences: &audiences,
        algorithms: &algorithms,
        skew,
    };
    for profile in rules.iter().map(|rule| rule.profile) {
        if let Some(witness) = (profile.witness)(&opening)? {
            return Ok(Judge::Witness(witness));
        }
    }
    match opening.issuer {
        Some(issuer) => Ok(Judge::Keys(IssuerKeys::open(&opening, issuer, now).await?)),
        None => {
            let cause = "nobody judges credentials of this kind".to_owned();
            Err(TrustError::Keys { authority: name.clone(), cause })
        }
    }
}
