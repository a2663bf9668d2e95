//! The bytes of an event: the one place that makes them.

use core::fmt::{self, Display, Write as _};
use std::borrow::Cow;
use std::time::{Duration, SystemTime};

use procura_token::{
    AuthorizationDetails, DelegationId, Issuer, Resource, Subject, TokenId, UnixTime, WorkloadId, base64url, sha256,
};

use super::event::Event;

/// The most bytes of a free text, its note included.
const MAX_TEXT: usize = 1024;
/// The most policies named.
const MAX_POLICIES: usize = 64;
/// The most bytes of JSON.
const MAX_JSON: usize = 16 << 10;

/// Appends `event` to `line` as one JSON object and a newline. Nothing in it is outside printable ASCII.
pub(super) fn write(event: &Event, line: &mut Vec<u8>) {
    let mut object = Object { line, empty: true };
    object.shown("event.id", Some(&event.event_id));
    object.time("event.time", Some(event.event_time));
    object.text("event.kind", Some(event.event_kind.as_str()));
    object.text("outcome", Some(event.outcome.as_str()));
    object.text("error.code", event.error_code);
    object.free("error.reason", event.error_reason.as_deref());
    object.text("caller.id", event.caller_id.as_ref().map(WorkloadId::as_str));
    object.text("caller.credential", event.caller_credential);
    if let Some(platform) = &event.caller_platform {
        object.text("caller.platform.kind", Some(platform.kind));
        object.free("caller.platform.rule", Some(&platform.rule));
        for (name, text) in &*platform.attributes {
            object.attribute("caller.platform", name, text);
        }
    }
    object.text("caller.proof", event.caller_proof);
    object.text("subject.id", event.subject_id.as_ref().map(Subject::as_str));
    object.text("subject.issuer", event.subject_issuer.as_ref().map(Issuer::as_str));
    object.text("subject.token", event.subject_token);
    object.text("actor.id", event.actor_id.as_ref().map(WorkloadId::as_str));
    if let Some(chain) = &event.actor_chain {
        object.array("actor.chain", chain.iter().map(|actor| &actor.id));
    }
    object.text("target", event.target.as_ref().map(Resource::as_str));
    object.shown("scope.asked", event.scope_asked.as_ref());
    object.shown("scope.granted", event.scope_granted.as_ref());
    if !event.approval_by.is_empty() {
        object.array("approval.by", event.approval_by.iter());
    }
    object.text("approval.id", event.approval_id.as_ref().map(TokenId::as_str));
    object.text("approval.issuer", event.approval_issuer.as_ref().map(Issuer::as_str));
    object.shown("approval.missing", event.approval_missing.as_ref());
    object.text("posture.id", event.posture_id.as_ref().map(TokenId::as_str));
    object.text("posture.issuer", event.posture_issuer.as_ref().map(Issuer::as_str));
    object.details(["details.asked", "details.asked.sha256"], event.details_asked.as_ref());
    object.details(["details.granted", "details.granted.sha256"], event.details_granted.as_ref());
    object.text("delegation.id", event.delegation_id.as_ref().map(DelegationId::as_str));
    object.time("delegation.until", event.delegation_until);
    object.text("delegation.hop", event.delegation_hop);
    object.free("revocation.reason", event.revocation_reason.as_deref());
    object.text("token.parent", event.token_parent.as_ref().map(TokenId::as_str));
    object.text("token.jti", event.token_jti.as_ref().map(TokenId::as_str));
    object.text("token.kind", event.token_kind);
    object.time("token.exp", event.token_exp);
    object.shown("key.thumbprint", event.key_thumbprint.as_ref());
    object.shown("certificate.thumbprint", event.certificate_thumbprint.as_ref());
    if !event.policy_ids.is_empty() {
        let more = event.policy_ids.len().saturating_sub(MAX_POLICIES);
        let note = (more > 0).then(|| Cow::Owned(format!("[{more} more]")));
        object.array("policy.ids", event.policy_ids.iter().take(MAX_POLICIES).map(|id| cut(id)).chain(note));
    }
    object.free("policy.set", event.policy_set.as_deref());
    object.json("policy.input", event.policy_input.as_deref());
    object.json("policy.decision", event.policy_decision.as_deref());
    object.shown("source.address", event.source_address.as_ref());
    object.line.extend_from_slice(b"}\n");
}

struct Object<'a> {
    line: &'a mut Vec<u8>,
    empty: bool,
}

impl Object<'_> {
    fn text(&mut self, name: &'static str, value: Option<&str>) {
        if let Some(value) = value {
            self.name(name);
            write_string(value, self.line);
        }
    }

    /// What is not a text, in the words it has for itself.
    fn shown(&mut self, name: &'static str, value: Option<&impl Display>) {
        if let Some(value) = value {
            self.name(name);
            write_shown(value, self.line);
        }
    }

    fn free(&mut self, name: &'static str, value: Option<&str>) {
        self.text(name, value.map(cut).as_deref());
    }

    /// What is JSON already: beyond printable ASCII it has only text, where an escape means the same. What is too long becomes
    /// a text that says so.
    fn json(&mut self, name: &'static str, value: Option<&str>) {
        let Some(value) = value else { return };
        self.name(name);
        if value.len() > MAX_JSON {
            return write_string(&note(value), self.line);
        }
        if value.bytes().fold(true, |all, byte| all & matches!(byte, b' '..=b'~')) {
            return self.line.extend_from_slice(value.as_bytes());
        }
        for unit in value.encode_utf16() {
            match u8::try_from(unit) {
                Ok(byte @ b' '..=b'~') => self.line.push(byte),
                _ => escape(unit, self.line),
            }
        }
    }

    fn time(&mut self, name: &'static str, value: Option<UnixTime>) {
        self.shown(name, value.map(rfc3339).as_ref());
    }

    fn array(&mut self, name: &'static str, values: impl Iterator<Item = impl Display>) {
        self.name(name);
        self.line.push(b'[');
        for (n, value) in values.enumerate() {
            if n > 0 {
                self.line.push(b',');
            }
            write_shown(&value, self.line);
        }
        self.line.push(b']');
    }

    /// The types of `details`, and what tells them from others of these types; what else they say is the user's affair.
    fn details(&mut self, [types, hash]: [&'static str; 2], details: Option<&AuthorizationDetails>) {
        if let Some(details) = details {
            self.array(types, details.iter().map(|detail| detail.kind()));
            self.text(hash, Some(&base64url::encode(sha256(details.to_string().as_bytes()))));
        }
    }

    /// A member that is named for an attribute of `entity`.
    fn attribute(&mut self, entity: &'static str, name: &str, value: &str) {
        self.line.push(if self.empty { b'{' } else { b',' });
        self.empty = false;
        write_shown(&format_args!("{entity}.{name}"), self.line);
        self.line.push(b':');
        write_string(&cut(value), self.line);
    }

    /// Names are ours: there is nothing to escape in them.
    fn name(&mut self, name: &'static str) {
        self.line.extend_from_slice(if self.empty { b"{\"" } else { b",\"" });
        self.empty = false;
        self.line.extend_from_slice(name.as_bytes());
        self.line.extend_from_slice(b"\":");
    }
}

/// Writes `text` as a JSON string.
fn write_string(text: &str, line: &mut Vec<u8>) {
    line.push(b'"');
    write_escaped(text, line);
    line.push(b'"');
}

/// Writes the words of `value` as a JSON string.
fn write_shown(value: &impl Display, line: &mut Vec<u8>) {
    line.push(b'"');
    // It fails only if the value does, and what it had written by then stands.
    let _ = write!(Escaped(line), "{value}");
    line.push(b'"');
}

struct Escaped<'a>(&'a mut Vec<u8>);

impl fmt::Write for Escaped<'_> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        write_escaped(text, self.0);
        Ok(())
    }
}

/// Escapes all but printable ASCII: control and direction characters do nothing, and look-alikes show.
fn write_escaped(text: &str, line: &mut Vec<u8>) {
    let is_plain = |byte: u8| matches!(byte, b' '..=b'~') & (byte != b'"') & (byte != b'\\');
    if text.bytes().fold(true, |all, byte| all & is_plain(byte)) {
        return line.extend_from_slice(text.as_bytes());
    }
    for unit in text.encode_utf16() {
        match u8::try_from(unit) {
            Ok(byte @ (b'"' | b'\\')) => line.extend_from_slice(&[b'\\', byte]),
            Ok(byte @ b' '..=b'~') => line.push(byte),
            _ => escape(unit, line),
        }
    }
}

fn escape(unit: u16, line: &mut Vec<u8>) {
    line.extend_from_slice(format!("\\u{unit:04x}").as_bytes());
}

/// `text`, or its beginning with a note that tells texts apart that begin alike.
fn cut(text: &str) -> Cow<'_, str> {
    if text.len() <= MAX_TEXT {
        return text.into();
    }
    let note = note(text);
    let mut end = MAX_TEXT - note.len();
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    (text[..end].to_owned() + &note).into()
}

/// What stands for a text that is too long.
fn note(text: &str) -> String {
    format!("[cut: {} bytes, sha256 {}]", text.len(), base64url::encode(sha256(text.as_bytes())))
}

/// RFC 3339 in UTC with milliseconds; what lies beyond the year 9999, which it cannot say, is the last instant of it.
fn rfc3339(time: UnixTime) -> impl Display {
    const LAST: Duration = Duration::from_millis(253_402_300_799_999);
    humantime::format_rfc3339_millis(SystemTime::UNIX_EPOCH + time.since_epoch().min(LAST))
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::super::{EventId, EventKind, Outcome, PlatformCaller};
    use super::*;
    use procura_token::{Actor, ActorChain};
    use serde_json::{Value, json};

    const NOW: UnixTime = UnixTime::new(Duration::from_millis(1_770_000_000_123));

    fn line(event: &Event) -> String {
        let mut line = Vec::new();
        write(event, &mut line);
        String::from_utf8(line).unwrap()
    }

    fn refusal() -> Event {
        Event { event_id: EventId::new(NOW, [0xff; 10]), ..Event::new(EventKind::TokenExchange, NOW) }
    }

    #[test]
    fn what_is_not_known_is_absent() {
        let expected = r#"{"event.id":"019c1c38-a47b-7fff-bfff-ffffffffffff","event.time":"2026-02-02T02:40:00.123Z","event.kind":"token.exchange","outcome":"refused"}"#;
        assert_eq!(line(&refusal()), format!("{expected}\n"));
    }

    #[test]
    fn every_member_has_its_dotted_name() {
        let actor = |path: &str| Actor { id: format!("spiffe://a.test{path}").parse().unwrap(), profile: None };
        let event = Event {
            event_kind: EventKind::WitIssue,
            outcome: Outcome::Granted,
            error_code: Some("invalid_request"),
            error_reason: Some("because".into()),
            caller_id: Some(actor("/tool").id),
            caller_credential: Some("wit"),
            caller_platform: Some(PlatformCaller {
                kind: "github-actions",
                rule: "deploy".into(),
                attributes: Arc::new([("ref", "refs/heads/main".to_owned()), ("run_id", "7".to_owned())].into()),
            }),
            caller_proof: Some("wpt"),
            subject_id: Some("dev:alice".parse().unwrap()),
            subject_issuer: Some("https://idp.test".parse().unwrap()),
            subject_token: Some("id_token"),
            actor_id: Some(actor("/tool").id),
            actor_chain: Some(ActorChain::new(actor("/agent")).extend(actor("/tool")).unwrap()),
            target: Some("https://api.test/calendar".parse().unwrap()),
            scope_asked: Some("b a".parse().unwrap()),
            scope_granted: Some("a".parse().unwrap()),
            approval_by: vec!["token", "may_act"],
            approval_id: Some("a".parse().unwrap()),
            approval_issuer: Some("https://consent.test".parse().unwrap()),
            approval_missing: Some("b".parse().unwrap()),
            posture_id: Some("s".parse().unwrap()),
            posture_issuer: Some("https://edr.test".parse().unwrap()),
            details_asked: AuthorizationDetails::parse(r#"[{"type":"b"},{"type":"é","c":"d"}]"#).ok(),
            details_granted: AuthorizationDetails::parse(r#"[{"type":"b"}]"#).ok(),
            delegation_id: Some("d".parse().unwrap()),
            delegation_until: Some(UnixTime::from_secs(0)),
            token_parent: Some("p".parse().unwrap()),
            token_jti: Some("j".parse().unwrap()),
            token_kind: Some("at+jwt"),
            token_exp: Some(UnixTime::new(Duration::MAX)),
            key_thumbprint: Some("47DEQpj8HBSa-_TImW-5JCeuQeRkm5NMpJWZG3hSuFU".parse().unwrap()),
            certificate_thumbprint: Some("47DEQpj8HBSa-_TImW-5JCeuQeRkm5NMpJWZG3hSuFU".parse().unwrap()),
            policy_ids: vec!["p1".into(), "p2".into()],
            policy_set: Some("hash".into()),
            policy_input: Some(r#"{"user":{"sub":"al\"\u00efce"}}"#.into()),
            policy_decision: Some(r#"{"allowed":true}"#.into()),
            source_address: Some("2001:db8::1".parse().unwrap()),
            ..refusal()
        };
        let hash = |text: &str| base64url::encode(sha256(text.as_bytes()));
        let expected = json!({
            "event.id": "019c1c38-a47b-7fff-bfff-ffffffffffff", "event.time": "2026-02-02T02:40:00.123Z",
            "event.kind": "wit.issue", "outcome": "granted", "error.code": "invalid_request", "error.reason": "because",
            "caller.id": "spiffe://a.test/tool", "caller.credential": "wit", "caller.proof": "wpt",
            "caller.platform.kind": "github-actions", "caller.platform.rule": "deploy",
            "caller.platform.ref": "refs/heads/main", "caller.platform.run_id": "7",
            "subject.id": "dev:alice", "subject.issuer": "https://idp.test", "subject.token": "id_token",
            "actor.id": "spiffe://a.test/tool",
            "actor.chain": ["spiffe://a.test/tool", "spiffe://a.test/agent"], "target": "https://api.test/calendar",
            "scope.asked": "a b", "scope.granted": "a", "details.asked": ["b", "é"],
            "details.asked.sha256": hash(r#"[{"type":"b"},{"c":"d","type":"é"}]"#), "details.granted": ["b"],
            "details.granted.sha256": hash(r#"[{"type":"b"}]"#), "approval.by": ["token", "may_act"], "approval.id": "a",
            "approval.issuer": "https://consent.test", "approval.missing": "b", "posture.id": "s",
            "posture.issuer": "https://edr.test", "delegation.id": "d", "delegation.until": "1970-01-01T00:00:00.000Z",
            "token.parent": "p", "token.jti": "j", "token.kind": "at+jwt", "token.exp": "9999-12-31T23:59:59.999Z",
            "key.thumbprint": "47DEQpj8HBSa-_TImW-5JCeuQeRkm5NMpJWZG3hSuFU", "policy.ids": ["p1", "p2"],
            "certificate.thumbprint": "47DEQpj8HBSa-_TImW-5JCeuQeRkm5NMpJWZG3hSuFU",
            "policy.set": "hash", "policy.input": { "user": { "sub": "al\"ïce" } }, "policy.decision": { "allowed": true },
            "source.address": "2001:db8::1",
        });
        assert_eq!(serde_json::from_str::<Value>(&line(&event)).unwrap(), expected);
    }

    #[test]
    fn hostile_text_stays_inert_and_is_read_back_whole() {
        let hostile = "a\r\n{\"outcome\":\"granted\"}\0\u{1b}[2J\u{7f}\u{85}\u{202e}\u{2066}\u{2028}\u{2029}\u{feff}\u{e0041}\\\"é\u{10ffff}";
        let event = Event { error_reason: Some(hostile.into()), policy_ids: vec![hostile.into()], ..refusal() };
        let line = line(&event);
        let text = line.strip_suffix('\n').unwrap();
        assert!(text.bytes().all(|byte| matches!(byte, b' '..=b'~')), "{text}");
        assert!(text.contains("\\u202e") && text.contains("\\u2028") && text.contains("\\u000d\\u000a"));
        let read: Value = serde_json::from_str(text).unwrap();
        assert_eq!((&read["error.reason"], &read["policy.ids"][0]), (&json!(hostile), &json!(hostile)));
        assert_eq!(read["outcome"], "refused");
    }

    #[test]
    fn long_text_is_cut_at_a_character_and_still_told_apart() {
        let reason = |last: char| {
            let text: String = std::iter::repeat_n('é', 50_000).chain([last]).collect();
            let line = line(&Event { error_reason: Some(text), ..refusal() });
            serde_json::from_str::<Value>(&line).unwrap()["error.reason"].as_str().unwrap().to_owned()
        };
        let (one, other) = (reason('a'), reason('b'));
        assert!(one.len() <= 1024 && one.starts_with("éé") && one.contains("[cut: 100001 bytes, sha256 "), "{one}");
        assert_ne!(one, other);
    }

    #[test]
    fn json_stays_json_and_what_is_too_long_is_a_note() {
        let hostile = "\u{7f}\u{85}\u{202e}\u{2028}é\u{10ffff}\r\n\"\\";
        let input = json!({ "user": { "sub": hostile } });
        let told = line(&Event { policy_input: Some(input.to_string()), ..refusal() });
        assert!(told.trim_end().bytes().all(|byte| matches!(byte, b' '..=b'~')), "{told}");
        assert_eq!(serde_json::from_str::<Value>(&told).unwrap()["policy.input"], input);

        let long = json!({ "user": { "sub": "x".repeat(MAX_JSON) } }).to_string();
        let told = line(&Event { policy_input: Some(long), ..refusal() });
        let note = serde_json::from_str::<Value>(&told).unwrap()["policy.input"].clone();
        assert!(told.len() < 1024 && note.as_str().unwrap().starts_with("[cut: 16"), "{told}");
    }

    #[test]
    fn many_policies_are_counted_not_listed() {
        let event = Event { policy_ids: vec!["p".repeat(5000).into(); 1000], ..refusal() };
        let line = line(&event);
        assert!(line.len() < 70_000 && line.contains("[936 more]"));
    }
}
