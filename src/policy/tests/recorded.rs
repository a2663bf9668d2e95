//! What is written down is what was asked.

use std::borrow::Cow;

use proptest::prelude::*;
use proptest::sample::select;

use super::*;
use crate::policy::RecordedTime;

prop_compose! {
    fn recorded()(
        workload in select(vec![PLANNER, RESEARCHER]),
        credential in select(vec!["jwt-svid", "wit", "x509-svid", "github-actions"]),
        kind in 0..3_usize,
        scope in select(vec!["", "calendar.read", "calendar.read calendar.write"]),
        (sub, groups, amr) in (".{1,20}", prop::collection::vec(".{0,10}", 0..3), prop::collection::vec("[a-z]{1,5}", 0..2)),
        (acr, auth_age, ttl) in (prop::option::of(".{0,10}"), prop::option::of(any::<u64>()), prop::option::of(any::<u64>())),
        chain in prop::collection::vec(select(vec![PLANNER, RESEARCHER, ARCHIVIST]), 0..8),
        hop in select(vec![Hop::Begin, Hop::Continue, Hop::Push, Hop::Pull, Hop::Handover]),
        has_parent in any::<bool>(),
        posture in prop::option::of(prop::collection::btree_map(".{0,10}", ".{0,10}", 0..3)),
        approved in select(vec![
            None, Some(RecordedApproval::All(true)), Some(RecordedApproval::Scopes("calendar.read".parse().unwrap())),
        ]),
        seconds in 0_u64..253_402_300_799,
        address in prop::option::of(any::<u128>()),
        country in select(vec![None, Some("DE")]),
    ) -> RecordedRequest<'static> {
        let action = [RecordedAction::IssueWit, RecordedAction::ActAsSelf, RecordedAction::Delegate][kind];
        let (has_target, is_delegation) = (kind > 0, kind == 2);
        RecordedRequest {
            workload: Cow::Owned(workload.parse().unwrap()),
            credential: credential.into(),
            platform: (credential == "github-actions").then(|| RecordedPlatform {
                kind: "github-actions".into(), rule: "deploy".into(), attributes: [("ref".into(), "x".into())].into(),
            }),
            action,
            target: has_target.then(|| "http://127.0.0.1:8090/calendar".into()),
            scope: if has_target { scope.parse().unwrap() } else { ScopeSet::default() },
            user: is_delegation.then(|| RecordedUser {
                issuer: "dev".into(), sub: sub.into(), groups: groups.into(), acr: acr.map(Cow::from), amr: amr.into(), auth_age,
            }),
            chain: chain.iter().filter(|_| is_delegation).map(|id| Cow::Owned(id.parse().unwrap())).collect(),
            hop: if is_delegation { hop } else { Hop::Begin },
            parent: (is_delegation && has_parent).then(|| RecordedParent {
                target: Cow::Owned("https://a.test/x".parse().unwrap()), actor: Cow::Owned(RESEARCHER.parse().unwrap()),
            }),
            posture: posture.filter(|_| is_delegation).map(|claims| Cow::Owned(Posture { attester: "edr".to_owned(), claims })),
            approved: approved.filter(|_| is_delegation),
            time: RecordedTime(UnixTime::from_secs(seconds)),
            source_ip: address.map(|address| IpAddr::V6(address.into())),
            country: country.map(|country| country.parse().unwrap()),
            ttl,
        }
    }
}

proptest! {
    #[test]
    fn a_request_is_the_same_after_it_was_put_written_and_read(recorded in recorded()) {
        let written = recorded.put(&targets(), |request| serde_json::to_string(&RecordedRequest::from(request)).unwrap()).unwrap();
        prop_assert_eq!(serde_json::from_str::<RecordedRequest<'_>>(&written).unwrap(), recorded);
    }

    #[test]
    fn no_text_is_a_surprise_to_the_readers(text in ".{0,200}") {
        let _ = serde_json::from_str::<RecordedRequest<'_>>(&text);
        let _ = parse_tests(&text);
    }
}

#[test]
fn little_has_to_be_written() {
    let text = format!(
        r#"{{"workload":"{PLANNER}","target":"calendar","scope":"calendar.read","user":{{"issuer":"dev","sub":"alice","groups":["staff"]}}}}"#
    );
    let request: RecordedRequest<'_> = serde_json::from_str(&text).unwrap();
    let decision = request.put(&targets(), |request| policy(DEV).decide(request)).unwrap();
    assert_eq!(decision.granted.to_string(), "calendar.read");
    assert_eq!((&*request.credential, String::from(request.time)), ("wit", "2026-01-05T12:00:00.000Z".to_owned()));
    assert_eq!(question::weekday(request.time.0), 1);
}

#[test]
fn what_makes_no_sense_is_told() {
    for (member, told) in [
        (r#""hop":"jump""#, "unknown variant `jump`"),
        (r#""country":"de""#, "two capital letters"),
        (r#""time":"noon""#, "write it like"),
        (r#""approved":3"#, "`approved` is not `true`"),
        (r#""scpe":"a""#, "unknown field `scpe`"),
    ] {
        let text = format!(r#"{{"workload":"{PLANNER}",{member}}}"#);
        let error = serde_json::from_str::<RecordedRequest<'_>>(&text).unwrap_err().to_string();
        assert!(error.contains(told), "{error}");
    }
    let put = |text: &str| serde_json::from_str::<RecordedRequest<'_>>(text).unwrap().put(&targets(), |_| ()).unwrap_err();
    let delegates = |rest: &str| format!(r#"{{"workload":"{PLANNER}"{rest}}}"#);
    assert_eq!(put(&delegates("")), RecordError::NoTarget);
    assert_eq!(put(&delegates(r#","target":"nowhere""#)), RecordError::UnknownTarget("nowhere".to_owned()));
    assert_eq!(put(&delegates(r#","target":"calendar""#)), RecordError::NoUser);
    let chain = serde_json::to_string(&vec![PLANNER; 9]).unwrap();
    let long = format!(r#","target":"calendar","user":{{"issuer":"a","sub":"b"}},"chain":{chain}"#);
    assert_eq!(put(&delegates(&long)), RecordError::Chain);
}
