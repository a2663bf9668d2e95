//! What is recorded of a decision.

use core::fmt;
use std::collections::BTreeMap;
use std::net::IpAddr;
use std::sync::Arc;

use procura_token::{
    ActorChain, AuthorizationDetails, CertificateThumbprint, DelegationId, Issuer, Resource, ScopeSet, Subject, Thumbprint,
    TokenId, UnixTime, WorkloadId, random_bytes,
};

/// The name of one event: a UUID of version 7 (RFC 9562 section 5.7), so that names sort by time.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct EventId(uuid::Uuid);

impl EventId {
    /// The name made of an instant, to the millisecond, and random bytes, of which 74 bits are kept.
    pub fn new(time: UnixTime, random: [u8; 10]) -> Self {
        Self(uuid::Builder::from_unix_timestamp_millis(time.as_millis(), &random).into_uuid())
    }
}

impl fmt::Display for EventId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0, f)
    }
}

impl fmt::Debug for EventId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// What was asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum EventKind {
    /// A delegation token: `token.exchange`.
    TokenExchange,
    /// A workload's own token, for nobody else: `token.self`.
    TokenSelf,
    /// A Workload Identity Token: `wit.issue`.
    WitIssue,
    /// The end of a delegation, by an operator: `delegation.revoke`.
    DelegationRevoke,
}

impl EventKind {
    /// Its name in the log.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::TokenExchange => "token.exchange",
            Self::TokenSelf => "token.self",
            Self::WitIssue => "wit.issue",
            Self::DelegationRevoke => "delegation.revoke",
        }
    }
}

/// How it was decided.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// A token was issued, or what was asked for was done.
    Granted,
    /// Nothing was issued.
    Refused,
}

impl Outcome {
    /// Its name in the log.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Granted => "granted",
            Self::Refused => "refused",
        }
    }
}

/// What a platform says of a caller.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PlatformCaller {
    /// The platform: a constant such as `github-actions`.
    pub kind: &'static str,
    /// The rule that let the caller in.
    pub rule: Arc<str>,
    /// The attributes; free text under constant names.
    pub attributes: Arc<BTreeMap<&'static str, String>>,
}

/// One decision. What is not known is `None` and absent from the log; a field's name there has a dot for its first `_`.
///
/// Text that outsiders influence is kept inert: the line is printable ASCII, everything else is escaped, and free text
/// is cut at 1,024 bytes with a note of its length and hash. Typed fields are never cut; their types bound them.
#[derive(Clone, Debug, PartialEq)]
pub struct Event {
    /// Its name.
    pub event_id: EventId,
    /// The instant of the request, to the millisecond in the log.
    pub event_time: UnixTime,
    /// What was asked for.
    pub event_kind: EventKind,
    /// How it was decided: `outcome`.
    pub outcome: Outcome,
    /// The OAuth error code of the answer: a constant, never input.
    pub error_code: Option<&'static str>,
    /// The cause of a refusal; free text, not for the client.
    pub error_reason: Option<String>,
    /// The authenticated caller.
    pub caller_id: Option<WorkloadId>,
    /// What the caller was authenticated by: a constant such as `jwt-svid` or `wit`.
    pub caller_credential: Option<&'static str>,
    /// What its platform says of the caller: `caller.platform.kind`, `caller.platform.rule`, and each attribute by its name.
    pub caller_platform: Option<PlatformCaller>,
    /// How the caller proved the key of that credential: `wpt`, `signature` or `mutual-tls`; nothing for a bearer's.
    pub caller_proof: Option<&'static str>,
    /// For whom the token is.
    pub subject_id: Option<Subject>,
    /// Who says so.
    pub subject_issuer: Option<Issuer>,
    /// By which kind of token: `id_token`, `access_token`, `introspected`, or `delegation` for one of ours.
    pub subject_token: Option<&'static str>,
    /// Who acts now.
    pub actor_id: Option<WorkloadId>,
    /// All actors of the token, newest first: an array of identifiers. Of a refused hop those who acted before.
    pub actor_chain: Option<ActorChain>,
    /// What the token is for: `target`.
    pub target: Option<Resource>,
    /// The scope asked for.
    pub scope_asked: Option<ScopeSet>,
    /// The scope granted.
    pub scope_granted: Option<ScopeSet>,
    /// What shows that the user agreed: `token`, `may_act`, `consent_claim`; absent when empty.
    pub approval_by: Vec<&'static str>,
    /// The `jti` of the approval that was presented.
    pub approval_id: Option<TokenId>,
    /// The approver.
    pub approval_issuer: Option<Issuer>,
    /// The scopes that were not granted because the user had not agreed.
    pub approval_missing: Option<ScopeSet>,
    /// The `jti` of the posture that was presented.
    pub posture_id: Option<TokenId>,
    /// The attester.
    pub posture_issuer: Option<Issuer>,
    /// The authorization details asked for: their types, and under `details.asked.sha256` a hash of their JSON.
    pub details_asked: Option<AuthorizationDetails>,
    /// Those granted, likewise.
    pub details_granted: Option<AuthorizationDetails>,
    /// The delegation begun or continued.
    pub delegation_id: Option<DelegationId>,
    /// Its deadline.
    pub delegation_until: Option<UnixTime>,
    /// How it came into the actor's hands: `begin`, `continue`, `push`, `pull` or `handover`.
    pub delegation_hop: Option<&'static str>,
    /// Why it was revoked, in the operator's words; free text.
    pub revocation_reason: Option<String>,
    /// The `jti`, or else a fingerprint, of the subject token.
    pub token_parent: Option<TokenId>,
    /// The `jti` of the token issued.
    pub token_jti: Option<TokenId>,
    /// What was issued: a constant such as `at+jwt` or `wit+jwt`.
    pub token_kind: Option<&'static str>,
    /// When that expires.
    pub token_exp: Option<UnixTime>,
    /// The key that it is bound to.
    pub key_thumbprint: Option<Thumbprint>,
    /// The certificate that it is bound to.
    pub certificate_thumbprint: Option<CertificateThumbprint>,
    /// The policies that decided; absent when empty, 64 are written at most.
    pub policy_ids: Vec<Arc<str>>,
    /// The hash of the policy set they belong to.
    pub policy_set: Option<String>,
    /// What the policies were asked: a JSON object of ours, written as it is, or as a note if it is longer than 16 KiB.
    pub policy_input: Option<String>,
    /// What they decided of it; the same.
    pub policy_decision: Option<String>,
    /// Where the request came from.
    pub source_address: Option<IpAddr>,
}

impl Event {
    /// A refusal of which nothing is known yet, under a fresh random name.
    pub fn new(kind: EventKind, now: UnixTime) -> Self {
        Self {
            event_id: EventId::new(now, random_bytes()),
            event_time: now,
            event_kind: kind,
            outcome: Outcome::Refused,
            error_code: None,
            error_reason: None,
            caller_id: None,
            caller_credential: None,
            caller_platform: None,
            caller_proof: None,
            subject_id: None,
            subject_issuer: None,
            subject_token: None,
            actor_id: None,
            actor_chain: None,
            target: None,
            scope_asked: None,
            scope_granted: None,
            approval_by: Vec::new(),
            approval_id: None,
            approval_issuer: None,
            approval_missing: None,
            posture_id: None,
            posture_issuer: None,
            details_asked: None,
            details_granted: None,
            delegation_id: None,
            delegation_until: None,
            delegation_hop: None,
            revocation_reason: None,
            token_parent: None,
            token_jti: None,
            token_kind: None,
            token_exp: None,
            key_thumbprint: None,
            certificate_thumbprint: None,
            policy_ids: Vec::new(),
            policy_set: None,
            policy_input: None,
            policy_decision: None,
            source_address: None,
        }
    }
}
