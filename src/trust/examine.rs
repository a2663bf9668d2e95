//! What a credential is, and what would become of it: the same verdict as for a caller, told to an operator.

use std::collections::BTreeMap;

use procura_token::{
    ApprovalToken, Confirmation, Issuer, ParseError, PostureToken, Statement as _, UnixTime, WorkloadId, base64url, parse_json,
};
use serde::Serialize;
use serde_json::Value;

use super::{Approval, AssertionType, PeerCertificate, Posture, Trust, TrustError, TrustedDomain, UserIssuer, UserToken};

/// What a credential is, and what would become of it now. It holds nothing that would let anyone present it.
#[derive(Clone, Debug, Serialize)]
pub struct Examination {
    /// What it is, by its shape, such as `JWT-SVID`.
    pub kind: &'static str,
    /// What it says, if its authority is believed.
    #[serde(flatten)]
    pub statement: Option<Statement>,
    /// Why it is refused, if it is.
    pub refusal: Option<String>,
}

/// What a believed credential says.
#[derive(Clone, Debug, Serialize)]
pub struct Statement {
    /// The workload, or the user, as our tokens would name them.
    pub name: String,
    /// The trust domain or issuer that vouches.
    pub authority: String,
    /// Until when: seconds since 1970.
    pub expires: UnixTime,
    /// The thumbprint of the key that must be proved with it, if it is for one.
    pub key: Option<String>,
    /// Whether we issue WITs to it; nothing for a user.
    pub may_have_wit: Option<bool>,
    /// What else it says.
    pub attributes: BTreeMap<String, String>,
}

/// A verdict: what a credential says, and why it would be refused all the same.
type Verdict = Result<(Statement, Option<String>), TrustError>;

impl Examination {
    fn new(kind: &'static str, verdict: Verdict) -> Self {
        match verdict {
            Ok((statement, refusal)) => Self { kind, statement: Some(statement), refusal },
            Err(cause) => Self { kind, statement: None, refusal: Some(cause.to_string()) },
        }
    }
}

impl Trust {
    /// What the certificates of a peer would be taken for. Whoever has them may be somebody else: that the peer holds the key
    /// is for its connection to prove.
    pub async fn examine_certificate(&self, peer: &PeerCertificate, now: UnixTime) -> Examination {
        let verdict = self.judge_x509_svid(peer, now).await.map(|(svid, domain)| {
            let key = Some(svid.key_thumbprint().to_string());
            self.workload(svid.id(), domain, svid.expires(), key)
        });
        Examination::new("X.509-SVID", verdict)
    }

    /// What the token in `text` would be taken for, if `caller` presented it: an ID token may be for its caller.
    pub async fn examine(&self, text: &str, caller: &WorkloadId, now: UnixTime) -> Examination {
        let Some(shape) = Shape::of(text) else { return self.examine_evidence(text, caller, now).await };
        if shape.is("wit+jwt") {
            return Examination::new("WIT", self.examine_wit(text, now).await);
        }
        if shape.is(ApprovalToken::TYP) {
            return Examination::new("approval", self.examine_approval(text, now).await);
        }
        if shape.is(PostureToken::TYP) {
            return Examination::new("posture", self.examine_posture(text, now).await);
        }
        let issuer = shape.issuer.as_deref();
        if issuer == Some(self.issuer.as_str()) {
            let refusal = "it is a token of this service, for its audience alone; `procura token verify` judges it".to_owned();
            return Examination { kind: "access token", statement: None, refusal: Some(refusal) };
        }
        if self.users.issuers().any(|known| Some(known.url().as_str()) == issuer) {
            return self.examine_user(text, shape.is("at+jwt"), caller, now).await;
        }
        if issuer.is_some_and(|issuer| self.platforms.has_issuer(issuer)) {
            return Examination::new("platform token", self.examine_platform(AssertionType::JWT_BEARER, text, now).await);
        }
        if shape.names_workload || issuer.is_none() {
            return Examination::new("JWT-SVID", self.examine_jwt_svid(text, now).await);
        }
        Examination::new("JWT", Err(TrustError::UnknownIssuer))
    }

    /// What is no JWT may be what a platform without tokens gives its workloads, or a token that only its issuer can read.
    async fn examine_evidence(&self, text: &str, caller: &WorkloadId, now: UnixTime) -> Examination {
        let mut verdict = Err(TrustError::Credential(ParseError::NotCompact.into()));
        for assertion in self.platform_assertions().filter(|assertion| *assertion != AssertionType::JWT_BEARER) {
            verdict = self.examine_platform(assertion, text, now).await;
            if verdict.is_ok() {
                break;
            }
        }
        if verdict.is_err() && self.users.can_be_asked() {
            return self.examine_user(text, true, caller, now).await;
        }
        Examination::new(if verdict.is_ok() { "platform evidence" } else { "credential" }, verdict)
    }

    async fn examine_platform(&self, assertion: AssertionType, text: &str, now: UnixTime) -> Verdict {
        let (identity, domain) = self.judge_platform(assertion, text, None, now).await?;
        let key = identity.key().map(ToString::to_string);
        let (mut statement, refusal) = self.workload(identity.id(), domain, identity.expires(), key);
        statement.authority = format!("{}, by rule `{}`", identity.authority(), identity.rule());
        let attributes = identity.attributes().iter().map(|(name, text)| ((*name).to_owned(), text.clone()));
        statement.attributes = attributes.collect();
        let rule = self.disabled.admit_platform(identity.rule());
        let tombstone = rule.and_then(|()| self.disabled.admit_issuer(identity.authority())).err();
        Ok((statement, tombstone.map(|cause| cause.to_string()).or(refusal)))
    }

    async fn examine_jwt_svid(&self, text: &str, now: UnixTime) -> Verdict {
        let (svid, domain) = self.judge_jwt_svid(text, now).await?;
        Ok(self.workload(svid.id(), domain, svid.expires(), None))
    }

    async fn examine_wit(&self, text: &str, now: UnixTime) -> Verdict {
        let (wit, domain) = self.judge_wit(text, now).await?;
        let key = wit.confirmation().key.thumbprint().to_string();
        Ok(self.workload(wit.id(), domain, wit.expires(), Some(key)))
    }

    /// An ID token, or an access token, whose type need not say so.
    async fn examine_user(&self, text: &str, is_access_token: bool, caller: &WorkloadId, now: UnixTime) -> Examination {
        let admit = |issuer: &UserIssuer| self.admit_issuer(issuer);
        let access_token = self.users.verify_access_token(text, caller, &admit, now).await;
        if is_access_token {
            return Examination::new("access token", self.examine_user_token(access_token));
        }
        match self.users.verify_id_token(text, caller, now).await {
            Err(_) if access_token.is_ok() => Examination::new("access token", self.examine_user_token(access_token)),
            id_token => Examination::new("ID token", self.examine_user_token(id_token)),
        }
    }

    fn examine_user_token(&self, verified: Result<(UserToken, &UserIssuer), TrustError>) -> Verdict {
        let (token, issuer) = verified?;
        let mut attributes = BTreeMap::new();
        if !token.groups().is_empty() {
            attributes.insert("groups".to_owned(), token.groups().join(", "));
        }
        let statement = Statement {
            name: issuer.subject(&token)?.to_string(),
            authority: issuer.url().to_string(),
            expires: issuer.limit(&token),
            key: token.confirmation().map(bound_to),
            may_have_wit: None,
            attributes,
        };
        let refusal = self.admit_issuer(issuer).err();
        Ok((statement, refusal.map(|cause| cause.to_string())))
    }

    async fn examine_approval(&self, text: &str, now: UnixTime) -> Verdict {
        let (Approval { token, user }, issuer) = self.judge_approval(text, now).await?;
        let scope = token.scope.as_ref().map_or_else(|| "all of the target's".to_owned(), ToString::to_string);
        let said = [("agent", token.agent.to_string()), ("target", token.target.to_string()), ("scope", scope)];
        let refusal = self.disabled.admit_issuer(token.iss.as_str()).and_then(|()| self.admit_issuer(issuer)).err();
        let statement =
            evidence(user.to_string(), &token.iss, token.exp, said.map(|(name, text)| (name.to_owned(), text)).into());
        Ok((statement, refusal.map(|cause| cause.to_string())))
    }

    async fn examine_posture(&self, text: &str, now: UnixTime) -> Verdict {
        let Posture { token, .. } = self.judge_posture(text, now).await?;
        let refusal = self.disabled.admit_issuer(token.iss.as_str()).and_then(|()| self.admit(&token.sub)).err();
        let statement = evidence(token.sub.to_string(), &token.iss, token.exp, token.posture.clone());
        Ok((statement, refusal.map(|cause| cause.to_string())))
    }

    fn workload(
        &self,
        id: &procura_token::WorkloadId,
        domain: &TrustedDomain,
        expires: UnixTime,
        key: Option<String>,
    ) -> (Statement, Option<String>) {
        let statement = Statement {
            name: id.to_string(),
            authority: id.trust_domain().to_owned(),
            expires,
            key,
            may_have_wit: Some(domain.issues_wit()),
            attributes: BTreeMap::new(),
        };
        let refusal = match self.admit(id) {
            Err(cause) => Some(cause.to_string()),
            Ok(()) if !domain.admits(id) => Some("the workload is not registered as a client".to_owned()),
            Ok(()) => None,
        };
        (statement, refusal)
    }
}

/// What is said of somebody who is known by other means.
fn evidence(name: String, authority: &Issuer, expires: UnixTime, attributes: BTreeMap<String, String>) -> Statement {
    Statement { name, authority: authority.to_string(), expires, key: None, may_have_wit: None, attributes }
}

fn bound_to(confirmation: &Confirmation) -> String {
    match confirmation {
        Confirmation::Key(key) => key.to_string(),
        Confirmation::Certificate(certificate) => certificate.to_string(),
    }
}

/// What an unverified token says of its kind: enough to choose the rules it is judged by, and nothing more.
struct Shape {
    typ: Option<String>,
    issuer: Option<String>,
    names_workload: bool,
}

impl Shape {
    fn of(text: &str) -> Option<Self> {
        let mut parts = text.split('.');
        let mut part = || parse_json::<Value>(&base64url::decode(parts.next()?).ok()?).ok();
        let (header, claims) = (part()?, part()?);
        let member = |of: &Value, name: &str| of.get(name).and_then(Value::as_str).map(str::to_owned);
        Some(Self {
            typ: member(&header, "typ"),
            issuer: member(&claims, "iss"),
            names_workload: member(&claims, "sub").is_some_and(|sub| sub.starts_with("spiffe:")),
        })
    }

    fn is(&self, typ: &str) -> bool {
        let named = self.typ.as_deref().map(str::to_ascii_lowercase);
        named.is_some_and(|named| named.strip_prefix("application/").unwrap_or(&named) == typ)
    }
}
