//! What is sent to STS, and what its answers mean. The samples are made by botocore (`tests/interop/python/aws.py`).

use std::time::Duration;

use procura_token::{ParseError, UnixTime, VerifyError, base64url};
use proptest::prelude::*;
use serde_json::{Value, json};

use super::answer::{CallerIdentity, PrincipalKind, error_code};
use super::request::{LIFETIME, Outgoing, Rules, SignedRequest};
use super::signature::date;

const SAMPLES: &str = include_str!("samples.json");
const MADE: UnixTime = UnixTime::from_secs(1_800_000_000);
const ENDPOINT: &str = "https://sts.eu-central-1.amazonaws.com/";

fn sample(name: &str) -> Value {
    serde_json::from_str::<Value>(SAMPLES).unwrap()[name].take()
}

fn parse(request: &Value) -> Result<SignedRequest, ParseError> {
    SignedRequest::parse(&base64url::encode(request.to_string()))
}

/// The request as it would be sent, by the rules of a configuration.
fn sent(request: &SignedRequest, now: UnixTime) -> Result<Outgoing<'_>, VerifyError> {
    let (endpoints, audiences) = ([ENDPOINT.to_owned()], ["https://procura.example".to_owned()]);
    request.judge(&Rules { endpoints: &endpoints, audiences: &audiences, skew: Duration::from_secs(60) }, now)
}

/// Whether it would be sent.
fn judge(request: &Value, now: UnixTime) -> Result<(), VerifyError> {
    sent(&parse(request)?, now).map(drop)
}

/// The sample with one header more, less or other, covered by the signature as `covers` says.
fn with(name: &str, header: &str, value: Value) -> Value {
    let mut request = sample(name);
    let headers = request["headers"].as_object_mut().unwrap();
    headers.retain(|known, _| !known.eq_ignore_ascii_case(header));
    if !value.is_null() {
        headers.insert(header.to_owned(), value);
    }
    request
}

/// The sample with `old` replaced wherever it is in its text.
fn replaced(name: &str, old: &str, new: &str) -> Value {
    let text = sample(name).to_string();
    assert!(text.contains(old), "{old}");
    serde_json::from_str(&text.replace(old, new)).unwrap()
}

#[test]
fn what_botocore_signs_is_sent_as_it_was_signed() {
    for name in ["role-post", "user-post", "role-get", "user-get"] {
        let request = parse(&sample(name)).unwrap();
        let outgoing = sent(&request, MADE).unwrap();
        assert_eq!(outgoing.is_post, name.ends_with("post"));
        assert_eq!((outgoing.url, outgoing.body), (sample(name)["url"].as_str().unwrap(), body(name)));
        for (name, _) in &outgoing.headers {
            assert!(!["host", "accept", "content-length"].contains(name), "{name}");
        }
        assert_eq!(request.key().to_string(), "A".repeat(43));
        assert_eq!((request.made(), request.expires(), request.region()), (MADE, MADE + LIFETIME, "eu-central-1"));
    }
}

fn body(name: &str) -> &'static str {
    if name.ends_with("post") { "Action=GetCallerIdentity&Version=2011-06-15" } else { "" }
}

/// W-class replay: a request is believed for five minutes, however long AWS takes it.
#[test]
fn a_request_has_its_time() {
    for name in ["role-post", "user-get"] {
        let sample = sample(name);
        let second = Duration::from_secs(1);
        assert!(judge(&sample, MADE - Duration::from_secs(60)).is_ok());
        assert!(matches!(judge(&sample, MADE - Duration::from_secs(61)), Err(VerifyError::NotYetValid { .. })));
        assert!(judge(&sample, MADE + LIFETIME - second).is_ok());
        assert!(matches!(judge(&sample, MADE + LIFETIME), Err(VerifyError::Stale { .. })));
    }
    let short = replaced("user-get", "X-Amz-Expires=300", "X-Amz-Expires=20");
    assert!(judge(&short, MADE + Duration::from_secs(19)).is_ok());
    assert!(matches!(judge(&short, MADE + Duration::from_secs(20)), Err(VerifyError::Stale { .. })));
}

/// A request made for somebody else, or for nobody in particular.
#[test]
fn only_a_request_made_for_us_and_for_a_key_is_sent() {
    for name in ["role-post", "user-get"] {
        for other in ["https://procura.example/", "https://PROCURA.example", "https://vault.example"] {
            assert!(matches!(judge(&with(name, "X-Procura-Audience", json!(other)), MADE), Err(VerifyError::Audience)));
        }
        for missing in ["X-Procura-Audience", "X-Procura-Key", "Host"] {
            assert!(judge(&with(name, missing, Value::Null), MADE).is_err(), "{missing}");
        }
        for uncovered in [";x-procura-audience", ";x-procura-key", "host;"] {
            let uncovered = if name.ends_with("get") { uncovered.replace(';', "%3B") } else { uncovered.to_owned() };
            assert!(judge(&replaced(name, &uncovered, ""), MADE).is_err(), "{uncovered}");
        }
        assert!(judge(&with(name, "X-Procura-Key", json!("A".repeat(42))), MADE).is_err());
    }
}

/// F34: the caller does not choose whom we ask.
#[test]
fn only_endpoints_of_the_configuration_are_asked() {
    for url in [
        "https://sts.eu-central-1.amazonaws.com",
        "https://sts.us-east-1.amazonaws.com/",
        "https://sts.eu-central-1.amazonaws.com.evil.example/",
        "https://sts.eu-central-1.amazonaws.com@evil.example/",
        "https://evil.example/?https://sts.eu-central-1.amazonaws.com/",
        "https://sts.eu-central-1.amazonaws.com//",
        "https://sts.eu-central-1.amazonaws.com/x",
        "https://sts.eu-central-1.amazonaws.com/#",
        "https://sts.eu-central-1.amazonaws.com:443/",
        "http://sts.eu-central-1.amazonaws.com/",
        "HTTPS://sts.eu-central-1.amazonaws.com/",
        "https://sts.eu-central-1.amazonaws.com/?",
        "https://169.254.169.254/",
        "",
    ] {
        for name in ["role-post", "role-get"] {
            assert!(judge(&replaced(name, ENDPOINT, url), MADE).is_err(), "{name} {url}");
        }
    }
    for host in ["evil.example", "sts.eu-central-1.amazonaws.com:443", "STS.eu-central-1.amazonaws.com"] {
        assert!(judge(&with("role-post", "Host", json!(host)), MADE).is_err(), "{host}");
    }
}

/// CVE-2020-16250: other actions, whose answers the caller could write, are not asked for.
#[test]
fn only_the_one_action_is_asked_for() {
    for body in [
        "Action=AssumeRoleWithWebIdentity&Version=2011-06-15",
        "Action=GetCallerIdentity&Version=2011-06-15&Action=AssumeRole",
        "Action=GetCallerIdentity&Version=2011-06-15&",
        "Action=GetCallerIdentity",
        "action=GetCallerIdentity&Version=2011-06-15",
        "Action=Get%43allerIdentity&Version=2011-06-15",
        "Action=GetCallerIdentity&Version=2010-05-08",
        "",
    ] {
        let mut request = sample("role-post");
        request["body"] = json!(body);
        assert!(judge(&request, MADE).is_err(), "{body}");
        assert!(judge(&replaced("role-get", "Action=GetCallerIdentity&Version=2011-06-15", body), MADE).is_err(), "{body}");
    }
    let mut other_way_round = sample("role-post");
    other_way_round["body"] = json!("Version=2011-06-15&Action=GetCallerIdentity");
    assert!(judge(&other_way_round, MADE).is_ok());
    assert!(judge(&replaced("role-post", ENDPOINT, &format!("{ENDPOINT}?Action=AssumeRole")), MADE).is_err());
    let mut with_body = sample("role-get");
    with_body["body"] = json!("Action=AssumeRole");
    assert!(judge(&with_body, MADE).is_err());
}

/// CVE-2022-2385: parameters twice, and in other spellings.
#[test]
fn a_query_has_each_parameter_once_in_one_spelling() {
    for (old, new) in [
        ("Action=", "action="),
        ("X-Amz-Date=", "x-amz-date="),
        ("X-Amz-Date=", "X-Amz-Date=20270115T080000Z&X-Amz-Date="),
        ("X-Amz-Expires=300", "X-Amz-Expires=0"),
        ("X-Amz-Expires=300", "X-Amz-Expires=901"),
        ("X-Amz-Expires=300", "X-Amz-Expires=1e2"),
        ("&X-Amz-Expires=300", ""),
        ("&X-Amz-Algorithm=AWS4-HMAC-SHA256", ""),
        ("AWS4-HMAC-SHA256", "AWS4-ECDSA-P256-SHA256"),
        ("%2F", "%2f"),
        ("%2F", "/"),
        ("eu-central-1%2Fsts", "eu-central-%31%2Fsts"),
        ("%2Fsts%2F", "%2Fs3%2F"),
        ("aws4_request&", "aws4_request%00&"),
        ("aws4_request&", "aws4_request%C3%A9&"),
        ("aws4_request&", "aws4_request+&"),
        ("&X-Amz-Signature=", "&X-Amz-Signature=&X-Amz-Signature="),
        ("&X-Amz-Signature=", "&RoleArn=x&X-Amz-Signature="),
        ("&X-Amz-Signature=", "&&X-Amz-Signature="),
        ("&X-Amz-Signature=", "&X-Amz-Signature"),
    ] {
        assert!(judge(&replaced("role-get", old, new), MADE).is_err(), "{old} {new}");
    }
}

/// Headers that could change what AWS answers, or to whom, or that nobody signed.
#[test]
fn headers_come_from_a_list_and_are_all_signed() {
    for (header, value) in [
        ("Accept", "text/xml"),
        ("X-Amz-Target", "x"),
        ("X-Amz-User-Agent", "not signed"),
        ("Cookie", "a=b"),
        ("Transfer-Encoding", "chunked"),
        ("Content-Length", "1"),
        ("Content-Type", "application/json"),
        ("Content-Type", "application/x-www-form-urlencoded; charset=utf-7"),
        ("X-Amz-Content-Sha256", "UNSIGNED-PAYLOAD"),
        ("X-Amz-Date", "20270115T080000"),
        ("X-Amz-Date", "20270116T080000Z"),
        ("X-Amz-Security-Token", "a\r\nx: y"),
        ("X-Amz-Security-Token", " a"),
        ("X-Amz-Security-Token", "a  b"),
        ("X-Amz-Security-Token", ""),
        ("Authorization", "Bearer x"),
        ("Authorization", "AWS4-HMAC-SHA256 Credential=, SignedHeaders=, Signature="),
        ("\u{212a}", "x"),
        ("", "x"),
    ] {
        assert!(judge(&with("role-post", header, json!(value)), MADE).is_err(), "{header}: {value}");
    }
    for value in [json!(["a"]), json!(1), json!({})] {
        assert!(judge(&with("role-post", "X-Procura-Key", value), MADE).is_err());
    }
    let mut twice = sample("role-post");
    twice["headers"]["host"] = json!("sts.eu-central-1.amazonaws.com");
    assert!(judge(&twice, MADE).is_err());
    let long = "a".repeat(8 * 1024 + 1);
    assert!(judge(&with("role-post", "X-Amz-Security-Token", json!(long)), MADE).is_err());
    for more in [json!({ "headers": {} }), json!({ "proxy": "x" }), json!({ "method": "PUT" }), json!({ "method": "post" })] {
        let mut request = sample("role-post");
        request.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        assert!(judge(&request, MADE).is_err(), "{more}");
    }
}

#[test]
fn a_signature_has_one_spelling() {
    for (old, new) in [
        ("AWS4-HMAC-SHA256 ", "aws4-hmac-sha256 "),
        ("AWS4-HMAC-SHA256 ", "AWS4-HMAC-SHA256  "),
        ("/aws4_request", "/aws4_request/"),
        ("ASIAEXAMPLEEXAMPLE01/2", "asiaexampleexample01/2"),
        ("ASIAEXAMPLEEXAMPLE01/2", "ASIA/2"),
        ("ASIAEXAMPLEEXAMPLE01/2", "a/ASIAEXAMPLEEXAMPLE01/2"),
        ("/20270115/", "/20270114/"),
        ("/eu-central-1/", "//"),
        ("content-type;host", "host;content-type"),
        ("content-type;host", "content-type;host;host"),
        ("content-type;host", "content-type;Host"),
        ("content-type;host", ";content-type;host"),
        ("x-procura-key, ", "x-procura-key;authorization, "),
        ("Signature=", "Signature=0"),
    ] {
        assert!(judge(&replaced("role-post", old, new), MADE).is_err(), "{old} {new}");
    }
    let authorization = sample("role-post")["headers"]["Authorization"].as_str().unwrap().to_owned();
    let (rest, mac) = authorization.rsplit_once('=').unwrap();
    let upper = format!("{rest}={}", mac.to_ascii_uppercase());
    assert!(judge(&with("role-post", "Authorization", json!(upper)), MADE).is_err());
}

/// One statement is used once, however the JSON around it is written.
#[test]
fn the_fingerprint_is_of_what_was_signed() {
    let fingerprint = |name: &str| parse(&sample(name)).unwrap().fingerprint();
    assert_ne!(fingerprint("role-post"), fingerprint("role-get"));
    assert_ne!(fingerprint("role-post"), fingerprint("user-post"));
    let request = with("role-post", "HOST", json!("sts.eu-central-1.amazonaws.com"));
    assert_eq!(parse(&request).unwrap().fingerprint(), fingerprint("role-post"));
}

fn answer(account: &str, arn: &str, user_id: &str) -> Result<CallerIdentity, ParseError> {
    let result = json!({ "Account": account, "Arn": arn, "UserId": user_id });
    CallerIdentity::parse(json!({ "GetCallerIdentityResponse": { "GetCallerIdentityResult": result } }).to_string().as_bytes())
}

#[test]
fn a_role_is_its_id_whatever_the_session() {
    let role =
        answer("123456789012", "arn:aws-cn:sts::123456789012:assumed-role/deploy/s@x", "AROAEXAMPLEEXAMPLE001:s@x").unwrap();
    assert_eq!((role.kind, role.session.as_deref()), (PrincipalKind::Role, Some("s@x")));
    assert_eq!(role.principal_id, "AROAEXAMPLEEXAMPLE001");
    assert_eq!(role.arn(), "arn:aws-cn:iam::123456789012:role/deploy");
    let user = answer("123456789012", "arn:aws:iam::123456789012:user/ops/eu/alice", "AIDAEXAMPLEEXAMPLE001").unwrap();
    assert_eq!((user.kind, user.name.as_str(), user.session), (PrincipalKind::User, "alice", None));
}

#[test]
fn what_is_no_workload_or_contradicts_itself_is_refused() {
    let role = "AROAEXAMPLEEXAMPLE001";
    for (account, arn, user_id) in [
        ("123456789012", "arn:aws:iam::123456789012:root", "123456789012"),
        ("123456789012", "arn:aws:sts::123456789012:federated-user/bob", "123456789012:bob"),
        ("123456789012", "arn:aws:sts::210987654321:assumed-role/deploy/s", "AROAEXAMPLEEXAMPLE001:s"),
        ("123456789012", "arn:aws:sts::123456789012:assumed-role/deploy/s", "AROAEXAMPLEEXAMPLE001:t"),
        ("123456789012", "arn:aws:sts::123456789012:assumed-role/deploy/s", role),
        ("123456789012", "arn:aws:sts::123456789012:assumed-role/deploy/s", "AIDAEXAMPLEEXAMPLE001:s"),
        ("123456789012", "arn:aws:sts::123456789012:assumed-role/deploy", role),
        ("123456789012", "arn:aws:sts::123456789012:assumed-role/a/deploy/s", "AROAEXAMPLEEXAMPLE001:s"),
        ("123456789012", "arn:aws:sts::123456789012:assumed-role//s", "AROAEXAMPLEEXAMPLE001:s"),
        ("123456789012", "arn:aws:iam::123456789012:user/", "AIDAEXAMPLEEXAMPLE001"),
        ("123456789012", "arn:aws:iam:eu:123456789012:user/alice", "AIDAEXAMPLEEXAMPLE001"),
        ("123456789012", "arn:gcp:iam::123456789012:user/alice", "AIDAEXAMPLEEXAMPLE001"),
        ("123456789012", "arn:aws:iam::123456789012:user/alice", "AROAEXAMPLEEXAMPLE001"),
        ("12345678901", "arn:aws:iam::12345678901:user/alice", "AIDAEXAMPLEEXAMPLE001"),
        ("12345678901x", "arn:aws:iam::12345678901x:user/alice", "AIDAEXAMPLEEXAMPLE001"),
        ("123456789012", "", ""),
    ] {
        assert!(answer(account, arn, user_id).is_err(), "{arn} {user_id}");
    }
}

/// CVE-2020-16250: an answer is JSON of that one shape, so that nothing a caller can make STS repeat is read as one.
#[test]
fn only_the_answer_of_that_action_is_read() {
    for body in [
        "<GetCallerIdentityResponse/>",
        "{}",
        r#"{"GetCallerIdentityResult":{"Account":"1","Arn":"a","UserId":"b"}}"#,
        r#"{"AssumeRoleWithWebIdentityResponse":{"AssumeRoleWithWebIdentityResult":{"SubjectFromWebIdentityToken":"x"}}}"#,
        r#"{"GetCallerIdentityResponse":null}"#,
        "[]",
        "",
    ] {
        assert!(CallerIdentity::parse(body.as_bytes()).is_err(), "{body}");
    }
    assert_eq!(error_code(br#"{"Error":{"Code":"ExpiredToken","Message":"x"}}"#).as_deref(), Some("ExpiredToken"));
    for body in ["{}", "<Error/>", r#"{"Error":{"Code":"a b"}}"#] {
        assert_eq!(error_code(body.as_bytes()), None);
    }
}

#[test]
fn dates_are_of_the_calendar() {
    for (text, seconds) in [
        ("19700101T000000Z", Some(0)),
        ("20000229T235959Z", Some(951_868_799)),
        ("20270115T080000Z", Some(1_800_000_000)),
        ("21000301T000000Z", Some(4_107_542_400)),
        ("21000229T000000Z", None),
        ("20270431T000000Z", None),
        ("20271301T000000Z", None),
        ("20270100T000000Z", None),
        ("20270101T240000Z", None),
        ("20270101T236000Z", None),
        ("19691231T235959Z", None),
        ("2027-01-15T080000Z", None),
        ("+2270115T080000Z", None),
        ("20270115t080000z", None),
        ("20270115T0800Z", None),
    ] {
        assert_eq!(date(text).map(UnixTime::as_secs), seconds, "{text}");
    }
}

proptest! {
    #[test]
    fn no_text_makes_a_reader_panic(text in "\\PC{0,200}", json in "\\PC{0,200}") {
        let _ = SignedRequest::parse(&text);
        let _ = SignedRequest::parse(&base64url::encode(&json));
        let _ = CallerIdentity::parse(json.as_bytes());
        let _ = date(&text);
    }

    /// Whatever is changed in a request, it is sent to the one endpoint, for the one action, under its own signature.
    #[test]
    fn no_change_sends_anything_else(at in 0_usize..900, byte in 0x20_u8..0x7f, name in 0_usize..4) {
        let name = ["role-post", "user-post", "role-get", "user-get"][name];
        let mut text = sample(name).to_string().into_bytes();
        let at = at % text.len();
        text[at] = byte;
        let Ok(request) = SignedRequest::parse(&base64url::encode(&text)) else { return Ok(()) };
        let Ok(outgoing) = sent(&request, MADE) else { return Ok(()) };
        prop_assert!(outgoing.url.starts_with(ENDPOINT));
        let asked = format!("{}{}", outgoing.url, outgoing.body);
        prop_assert!(asked.contains("Action=GetCallerIdentity&Version=2011-06-15"));
        prop_assert!(outgoing.headers.contains(&("x-procura-audience", "https://procura.example")));
    }
}
