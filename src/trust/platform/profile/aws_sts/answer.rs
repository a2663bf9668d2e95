//! What STS says of the caller whose request it was sent.
//!
//! STS answers in JSON because we ask for it: one strict reader instead of one for XML that guesses. The shape is that of
//! `GetCallerIdentity` alone, so that no other action's answer can pass for it.

use procura_token::{ParseError, parse_json};
use serde::Deserialize;

use super::signature::fault;

/// The principal behind an access key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct CallerIdentity {
    /// The twelve digits of its account.
    pub(super) account: String,
    /// The id that IAM gave the role (`AROA…`) or user (`AIDA…`) when it was made, and will give to no other.
    pub(super) principal_id: String,
    pub(super) kind: PrincipalKind,
    /// The name of the role or user: whoever is made next may have it again.
    pub(super) name: String,
    /// The name of the session, which whoever assumed the role chose; an instance's id for a role of EC2.
    pub(super) session: Option<String>,
    /// `aws`, `aws-cn`, `aws-us-gov`, …
    pub(super) partition: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum PrincipalKind {
    Role,
    User,
}

impl PrincipalKind {
    pub(super) const fn as_str(self) -> &'static str {
        match self {
            Self::Role => "role",
            Self::User => "user",
        }
    }

    /// How IAM begins the ids of this kind.
    const fn prefix(self) -> &'static str {
        match self {
            Self::Role => "AROA",
            Self::User => "AIDA",
        }
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Envelope {
    get_caller_identity_response: Response,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Response {
    get_caller_identity_result: Raw,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Raw {
    account: String,
    arn: String,
    user_id: String,
}

impl CallerIdentity {
    /// Reads the body of a 200, in JSON.
    ///
    /// # Errors
    /// [`ParseError`] for anything but a role's session or a user, the same in all three members: the root of an account and
    /// federated users are no workloads.
    pub(super) fn parse(body: &[u8]) -> Result<Self, ParseError> {
        let Raw { account, arn, user_id } = parse_json::<Envelope>(body)?.get_caller_identity_response.get_caller_identity_result;
        if account.len() != 12 || !account.bytes().all(|byte| byte.is_ascii_digit()) {
            return Err(fault("`Account`", "not twelve digits"));
        }
        let mut parts = arn.splitn(6, ':');
        let mut part = || parts.next().ok_or_else(|| fault("`Arn`", "not six parts"));
        let (scheme, partition, service, region, owner, resource) = (part()?, part()?, part()?, part()?, part()?, part()?);
        let fits = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
        if scheme != "arn" || !partition.starts_with("aws") || !partition.bytes().all(fits) || !region.is_empty() {
            return Err(fault("`Arn`", "not the name of a principal"));
        }
        if owner != account {
            return Err(fault("`Arn`", "of another account than `Account`"));
        }
        let (kind, name, session) = principal(service, resource)?;
        let principal_id = match session {
            Some(session) => user_id.strip_suffix(session).and_then(|id| id.strip_suffix(':')),
            None => Some(user_id.as_str()),
        };
        let is_id = |id: &&str| {
            let is_long = (16..=128).contains(&id.len());
            is_long && id.starts_with(kind.prefix()) && id.bytes().all(|b| b.is_ascii_uppercase() || b.is_ascii_digit())
        };
        let principal_id = principal_id.filter(is_id).ok_or_else(|| fault("`UserId`", "not the id of what `Arn` names"))?;
        Ok(Self {
            kind,
            principal_id: principal_id.to_owned(),
            name: name.to_owned(),
            session: session.map(str::to_owned),
            partition: partition.to_owned(),
            account,
        })
    }

    /// The role or user itself, whatever the session. The path of a role is not in it: STS does not tell.
    pub(super) fn arn(&self) -> String {
        format!("arn:{}:iam::{}:{}/{}", self.partition, self.account, self.kind.as_str(), self.name)
    }
}

/// Kind, name and session of the resource of an ARN.
fn principal<'a>(service: &str, resource: &'a str) -> Result<(PrincipalKind, &'a str, Option<&'a str>), ParseError> {
    let parts: Vec<&str> = resource.split('/').collect();
    let (kind, name, session) = match (service, parts.as_slice()) {
        ("sts", ["assumed-role", role, session]) => (PrincipalKind::Role, *role, Some(*session)),
        ("iam", ["user", .., user]) => (PrincipalKind::User, *user, None),
        _ => return Err(fault("`Arn`", "neither the session of a role nor a user")),
    };
    let is_name = |text: &str| {
        (1..=64).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"_+=,.@-".contains(&byte))
    };
    match is_name(name) && session.is_none_or(is_name) {
        true => Ok((kind, name, session)),
        false => Err(fault("`Arn`", "a name that IAM gives nobody")),
    }
}

/// Why STS refused: its error code, if it says one that looks like one.
pub(super) fn error_code(body: &[u8]) -> Option<String> {
    #[derive(Deserialize)]
    #[serde(rename_all = "PascalCase")]
    struct Refusal {
        error: Fault,
    }
    #[derive(Deserialize)]
    #[serde(rename_all = "PascalCase")]
    struct Fault {
        code: String,
    }
    let code = parse_json::<Refusal>(body).ok()?.error.code;
    (code.len() <= 64 && code.bytes().all(|byte| byte.is_ascii_alphanumeric())).then_some(code)
}
