use proptest::prelude::*;
use proptest::sample::subsequence;
use serde_json::{Value, json};

use super::*;
use crate::Resource;

/// `payment` has an amount, which adds up; `file` has not.
fn types() -> DetailTypes {
    let fields = |pairs: &[(&str, FieldRule)]| pairs.iter().map(|(name, rule)| ((*name).to_owned(), *rule)).collect();
    let lists = [("actions", FieldRule::Subset), ("locations", FieldRule::Subset), ("identifier", FieldRule::Equal)];
    let payment = [("instructedAmount.amount", FieldRule::AtMost), ("instructedAmount.currency", FieldRule::Equal)];
    let payment = [&lists[..], &payment[..]].concat();
    DetailTypes::new([
        DetailType::new("payment".into(), fields(&payment), ["actions".to_owned()]).unwrap(),
        DetailType::new("file".into(), fields(&lists), []).unwrap(),
    ])
    .unwrap()
}

fn details(value: &Value) -> AuthorizationDetails {
    AuthorizationDetails::parse(&value.to_string()).unwrap_or_else(|error| panic!("{error}: {value}"))
}

fn payment(amount: &str) -> Value {
    json!({ "type": "payment", "actions": ["initiate"], "instructedAmount": { "amount": amount, "currency": "EUR" } })
}

fn is_within(child: &Value, parent: &Value) -> bool {
    types().verify_within(&details(child), &details(parent)).is_ok()
}

/// RAR-01.
/// Two readers of JSON may read these differently, so nobody is asked to decide about them.
#[test]
fn a_number_that_is_not_whole_or_too_large_is_refused() {
    for (number, is_read) in [
        ("9007199254740991", true),
        ("-9007199254740991", true),
        ("0", true),
        ("9007199254740992", false),
        ("30000000000927648271", false),
        ("1.0", false),
        ("0.1", false),
        ("1e3", false),
        ("-0", false),
    ] {
        let text = format!(r#"[{{"type":"a","n":{number}}}]"#);
        assert_eq!(AuthorizationDetails::parse(&text).is_ok(), is_read, "{number}");
    }
}

#[test]
fn a_list_is_an_array_of_objects_with_a_type() {
    for text in [
        r#"{"type":"file"}"#,
        "[]",
        r#"["file"]"#,
        r"[{}]",
        r#"[{"type":1}]"#,
        r#"[{"type":""}]"#,
        r#"[{"type":"a\nb"}]"#,
        r#"[{"actions":["read"]}]"#,
        r#"[{"type":"file"}] "x""#,
        r#"[{"type":"file","type":"payment"}]"#,
        r#"[{"type":"file","a":{"b":1,"b":2}}]"#,
        r#"[{"type":"file","a":null}]"#,
        r#"[{"type":"file","a":{}}]"#,
        r#"[{"type":"file","a":[]}]"#,
        r#"[{"type":"file","a":[1]}]"#,
        r#"[{"type":"file","a":[["b"]]}]"#,
        r#"[{"type":"file","a.b":1}]"#,
        r#"[{"type":"file","a":{"b":{"c":{"d":{"e":1}}}}}]"#,
        r#"[{"type":"file","a":"\u0000"}]"#,
        r#"[{"type":"file","a":1e999}]"#,
        "null",
        "",
    ] {
        assert!(AuthorizationDetails::parse(text).is_err(), "{text}");
    }
    let twice = json!([{ "type": "file" }, { "type": "file", "a": { "b": { "c": [ "d" ] } } }]);
    assert_eq!(serde_json::to_value(details(&twice)).unwrap(), twice);
}

/// RAR-02.
#[test]
fn the_fields_all_types_share_are_of_their_json_types() {
    for name in ["locations", "actions", "datatypes", "privileges"] {
        for value in [json!("read"), json!(1), json!(true), json!({ "a": 1 })] {
            let is_object = value.is_object();
            let text = json!([{ "type": "file", name: value }]).to_string();
            // An object is fields of other names, which no type has.
            assert_eq!(AuthorizationDetails::parse(&text).is_ok(), is_object, "{text}");
        }
    }
    for value in [json!(["a"]), json!(1), json!(true)] {
        assert!(AuthorizationDetails::parse(&json!([{ "type": "file", "identifier": value }]).to_string()).is_err());
    }
}

#[test]
fn size_is_bounded_in_every_direction() {
    let many = |count: usize| Value::from(vec![json!({ "type": "file" }); count]).to_string();
    assert!(AuthorizationDetails::parse(&many(MAX_DETAILS)).is_ok() && AuthorizationDetails::parse(&many(17)).is_err());
    let long = |length: usize| json!([{ "type": "file", "a": "x".repeat(length) }]).to_string();
    assert!(AuthorizationDetails::parse(&long(1024)).is_ok() && AuthorizationDetails::parse(&long(1025)).is_err());
    let list = |count: usize| json!([{ "type": "file", "a": (0..count).map(|n| n.to_string()).collect::<Vec<_>>() }]).to_string();
    assert!(AuthorizationDetails::parse(&list(64)).is_ok() && AuthorizationDetails::parse(&list(65)).is_err());
    let blank = format!("[{{\"type\":\"file\"}}{}]", " ".repeat(4096));
    assert!(AuthorizationDetails::parse(&blank).is_err());
}

/// RAR-03.
#[test]
fn a_type_knows_its_fields_and_nothing_else_passes() {
    let judge = |value: Value| types().judge(&details(&json!([value])));
    assert_eq!(judge(payment("1.00")), Ok(()));
    assert_eq!(judge(json!({ "type": "other" })), Err(DetailError::UnknownType));
    assert_eq!(judge(json!({ "type": "Payment", "actions": ["a"] })), Err(DetailError::UnknownType));
    assert_eq!(judge(json!({ "type": "file", "datatypes": ["a"] })), Err(DetailError::UnknownField));
    assert_eq!(judge(json!({ "type": "file", "actions": { "a": 1 } })), Err(DetailError::UnknownField));
    assert_eq!(judge(json!({ "type": "payment" })), Err(DetailError::Missing));
    for amount in [json!("-1"), json!("1e3"), json!(-1), json!(["1"]), json!(true), json!("much")] {
        let mut wrong = payment("1");
        wrong["instructedAmount"]["amount"] = amount;
        assert_eq!(judge(wrong.clone()), Err(DetailError::Value), "{wrong}");
    }
    let mut wrong = payment("1");
    wrong["instructedAmount"]["currency"] = json!(["EUR"]);
    assert_eq!(judge(wrong), Err(DetailError::Value));
}

/// RAR-06, RAR-07.
#[test]
fn an_object_is_within_another_by_the_rules_of_its_type() {
    let all = json!([payment("100.00")]);
    assert!(is_within(&json!([payment("99.99")]), &all) && is_within(&json!([payment("100")]), &all));
    assert!(!is_within(&json!([payment("100.01")]), &all));
    let with = |name: &str, value: Value| {
        let mut changed = payment("1");
        changed[name] = value;
        json!([changed])
    };
    // What the parent does not limit, the child may.
    assert!(is_within(&with("identifier", json!("a")), &all));
    // What the parent limits, the child must.
    assert!(!is_within(&json!([payment("1")]), &with("identifier", json!("a"))));
    assert!(!is_within(&with("instructedAmount", json!({ "amount": "1" })), &all));
    assert!(!is_within(&with("instructedAmount", json!({ "amount": "1", "currency": "USD" })), &all));
    assert!(!is_within(&with("instructedAmount", json!({ "amount": 1, "currency": "EUR" })), &all));
    assert!(!is_within(&with("actions", json!(["initiate", "cancel"])), &all));
    assert!(!is_within(&json!([{ "type": "file" }]), &all));
    assert!(!is_within(&json!([{ "type": "other" }]), &json!([{ "type": "other" }])));
}

#[test]
fn an_amount_that_is_there_once_is_not_there_twice() {
    let (small, large) = (payment("10"), payment("100"));
    assert!(!is_within(&json!([small, small]), &json!([large])));
    assert!(is_within(&json!([small, large]), &json!([large, small])));
    // The first child fits both, and must leave the parent to the second that nothing else fits.
    assert!(is_within(&json!([small, large]), &json!([large, payment("11")])));
    assert!(!is_within(&json!([large, large]), &json!([large, small])));
    let [read, write] = ["read", "write"].map(|action| json!({ "type": "file", "actions": [action] }));
    assert!(is_within(&json!([read, write]), &json!([{ "type": "file", "actions": ["read", "write"] }])));
    assert!(!is_within(&json!([{ "type": "file", "actions": ["read", "write"] }]), &json!([read, write])));
}

/// RAR-12: composed and decomposed, and letters that look alike.
#[test]
fn texts_are_compared_code_point_by_code_point() {
    for (one, other) in [("caf\u{e9}", "cafe\u{301}"), ("a", "\u{430}"), ("A", "a"), ("a", "a "), ("a/", "a")] {
        let file = |name: &str| json!([{ "type": "file", "identifier": name, "actions": [name] }]);
        assert!(is_within(&file(one), &file(one)) && !is_within(&file(one), &file(other)), "{one:?}");
    }
}

/// RAR-09.
#[test]
fn a_target_sees_its_own_locations() {
    let resource: Resource = "https://api.example/files".parse().unwrap();
    let at =
        |locations: Value| details(&json!([{ "type": "file", "locations": locations }])).iter().next().unwrap().at(&resource);
    let ours = json!(["https://api.example/files", "https://api.example/files/a?b=..", "https://api.example/files/.hidden"]);
    assert_eq!(at(ours.clone()).unwrap(), at(ours.clone()).unwrap().at(&resource).unwrap());
    assert_eq!(at(ours.clone()).unwrap().list("locations").unwrap().count(), 3);
    let kept = at(json!(["https://api.example/files", "https://mail.example"])).unwrap();
    assert_eq!(kept.list("locations").unwrap().collect::<Vec<_>>(), ["https://api.example/files"]);
    for other in [
        "https://api.example/filesystem",
        "https://api.example/",
        "https://API.example/files",
        "https://api.example/files/../mail",
        "https://api.example/files/a/%2E%2e/b",
        "https://api.example/files\\..\\mail",
        "files",
    ] {
        assert_eq!(at(json!([other])), None, "{other}");
    }
    assert!(details(&json!([{ "type": "file" }])).iter().next().unwrap().at(&resource).is_some());
}

#[test]
fn types_that_contradict_themselves_are_refused() {
    let new = |name: &str, fields: &[(&str, FieldRule)], required: &[&str]| {
        let fields = fields.iter().map(|(name, rule)| ((*name).to_owned(), *rule)).collect();
        DetailType::new(name.to_owned(), fields, required.iter().map(|name| (*name).to_owned()))
    };
    assert!(new("a", &[("locations", FieldRule::Subset), ("limits", FieldRule::Subset)], &["limits"]).is_ok());
    assert!(new("", &[], &[]).is_err());
    assert!(new("a", &[("locations", FieldRule::Equal)], &[]).is_err());
    assert!(new("a", &[("identifier", FieldRule::Subset)], &[]).is_err());
    assert!(new("a", &[("type", FieldRule::Equal)], &[]).is_err());
    assert!(new("a", &[("a..b", FieldRule::Equal)], &[]).is_err());
    assert!(new("a", &[("a", FieldRule::Equal), ("a.b", FieldRule::Equal)], &[]).is_err());
    assert!(new("a", &[], &["b"]).is_err());
    assert_eq!(DetailTypes::new([new("a", &[], &[]).unwrap(), new("a", &[], &[]).unwrap()]), Err("a".to_owned()));
}

/// Any object of the two types that is well formed, required fields aside.
fn object() -> impl Strategy<Value = Value> {
    let list = || proptest::option::of(subsequence(vec!["a", "b", "c"], 1..=3));
    let amount = proptest::option::of((0..4_u32, proptest::option::of(prop_oneof![Just("EUR"), Just("USD")])));
    (any::<bool>(), list(), list(), proptest::option::of(prop_oneof![Just("x"), Just("y")]), amount).prop_map(
        |(is_payment, actions, locations, identifier, amount)| {
            let mut object = json!({ "type": if is_payment { "payment" } else { "file" } });
            let mut put = |name: &str, value: Option<Value>| {
                if let Some(value) = value {
                    object[name] = value;
                }
            };
            put("actions", actions.map(|actions| json!(actions)));
            put("locations", locations.map(|locations| json!(locations)));
            put("identifier", identifier.map(|identifier| json!(identifier)));
            let instructed = |(amount, currency): (u32, Option<&str>)| match currency {
                Some(currency) => json!({ "amount": amount.to_string(), "currency": currency }),
                None => json!({ "amount": amount.to_string() }),
            };
            put("instructedAmount", amount.filter(|_| is_payment).map(instructed));
            object
        },
    )
}

fn list() -> impl Strategy<Value = Value> {
    proptest::collection::vec(object(), 1..4).prop_map(Value::from)
}

/// The same with limits added and tightened, and objects left out.
fn narrowed(parent: &Value, tighter: &[Value]) -> Value {
    let mut child = parent.as_array().unwrap().clone();
    for (object, tighter) in child.iter_mut().zip(tighter) {
        for name in ["actions", "locations"] {
            let Some(wanted) = tighter[name].as_array() else { continue };
            let kept = match object[name].as_array() {
                Some(had) => had.iter().filter(|entry| wanted.contains(entry)).cloned().collect(),
                None => wanted.clone(),
            };
            if !kept.is_empty() {
                object[name] = kept.into();
            }
        }
        if object.get("identifier").is_none() && !tighter["identifier"].is_null() {
            object["identifier"] = tighter["identifier"].clone();
        }
    }
    child.truncate(tighter.len().max(1));
    child.into()
}

/// Whether `list` permits one act, read as a resource server would.
fn permits(list: &Value, (kind, action, location, name, amount, currency): (&str, &str, &str, &str, u32, &str)) -> bool {
    let is_in = |entries: &Value, entry: &str| entries.as_array().is_none_or(|entries| entries.iter().any(|one| one == entry));
    list.as_array().unwrap().iter().any(|object| {
        let limit = &object["instructedAmount"];
        object["type"] == kind
            && is_in(&object["actions"], action)
            && is_in(&object["locations"], location)
            && (object["identifier"].is_null() || object["identifier"] == name)
            && limit["amount"].as_str().is_none_or(|most| amount <= most.parse().unwrap())
            && (limit["currency"].is_null() || limit["currency"] == currency)
    })
}

proptest! {
    /// RAR-07.
    #[test]
    fn everything_is_within_itself(a in list()) {
        prop_assert!(is_within(&a, &a));
    }

    /// Nothing is won by going from one to the next.
    #[test]
    fn within_is_transitive(a in list(), b in list(), c in list()) {
        if is_within(&a, &b) && is_within(&b, &c) {
            prop_assert!(is_within(&a, &c));
        }
    }

    /// The same, where each is within the next for certain.
    #[test]
    fn limits_narrow_step_by_step(a in list(), b in list(), c in list()) {
        let child = narrowed(&a, b.as_array().unwrap());
        let grandchild = narrowed(&child, c.as_array().unwrap());
        prop_assert!(is_within(&child, &a) && is_within(&grandchild, &child) && is_within(&grandchild, &a));
    }

    /// RAR-02: who is within another permits no act that the other does not.
    #[test]
    fn what_is_within_permits_nothing_more(a in list(), b in list(), c in list()) {
        for (child, parent) in [(a.clone(), c), (narrowed(&a, b.as_array().unwrap()), a)] {
            if !is_within(&child, &parent) {
                continue;
            }
            for act in 0..2 * 3 * 3 * 2 * 4 * 2_usize {
                let pick = |step: usize, of: &[&'static str]| of[(act / step) % of.len()];
                let amount = u32::try_from((act / 36) % 4).unwrap();
                let act = (
                    pick(1, &["payment", "file"]),
                    pick(2, &["a", "b", "c"]),
                    pick(6, &["a", "b", "c"]),
                    pick(18, &["x", "y"]),
                    amount,
                    pick(144, &["EUR", "USD"]),
                );
                prop_assert!(!permits(&child, act) || permits(&parent, act), "{act:?}");
            }
        }
    }

    #[test]
    fn a_list_survives_its_own_text(a in list()) {
        let once = details(&a);
        prop_assert_eq!(AuthorizationDetails::parse(&once.to_string()).unwrap(), once);
    }

    #[test]
    fn any_text_parses_or_does_not(text in "[\\[\\]{}\",:a-c1.0\\\\ ]{0,60}") {
        if let Ok(read) = AuthorizationDetails::parse(&text) {
            prop_assert_eq!(AuthorizationDetails::parse(&read.to_string()).unwrap(), read);
        }
    }
}
