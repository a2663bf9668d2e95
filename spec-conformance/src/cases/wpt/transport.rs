//! Where WIT and WPT stand in the request.

use super::Row;
use crate::jose::token_hash;
use crate::world::Wire;

const TRANSACTION: &str = "eyJhbGciOiJub25lIn0.e30.c2ln";

pub(super) const REFUSED: &[Row] = &[
    ("two-authorizations", "two `Authorization` fields", &["WPT-15", "WPT-28"], |c, _| {
        c.finish = |wire| {
            let again = wire.field("authorization").unwrap_or_default();
            wire.add("authorization", &again);
        };
    }),
    ("bearer-beside", "a bearer token beside the WPT", &["WPT-15", "WPT-28", "WPT-29"], |c, _| {
        c.finish = |wire| wire.add("authorization", "Bearer an.access.token");
    }),
    ("bearer-first", "a bearer token before the WPT", &["WPT-15", "WPT-28", "WPT-29"], |c, _| {
        c.finish = |wire| wire.fields.insert(0, ("authorization".to_owned(), "Bearer an.access.token".to_owned()));
    }),
    ("joined-authorization", "a bearer token and the WPT in one field", &["WPT-15", "WPT-16"], |c, _| {
        c.finish = |wire| joined(wire, |wpt| format!("Bearer an.access.token, {wpt}"));
    }),
    ("no-space", "no space after the scheme", &["WPT-02", "F21"], |c, _| {
        c.finish = |wire| joined(wire, |wpt| wpt.replacen(' ', "", 1))
    }),
    ("tab", "a tab after the scheme", &["WPT-02", "F21"], |c, _| {
        c.finish = |wire| joined(wire, |wpt| wpt.replacen(' ', "\t", 1))
    }),
    ("scheme-bearer", "the WPT under `Bearer`", &["WPT-02", "WPT-15"], |c, _| {
        c.finish = |wire| joined(wire, |wpt| wpt.replacen("WPT", "Bearer", 1));
    }),
    ("scheme-dpop", "the WPT under `DPoP`", &["WPT-02", "WPT-15", "F28"], |c, _| {
        c.finish = |wire| joined(wire, |wpt| wpt.replacen("WPT", "DPoP", 1));
    }),
    ("two-proofs", "two WPTs in one field", &["WPT-16"], |c, _| {
        c.finish = |wire| joined(wire, |wpt| format!("{wpt}, {}", wpt.replacen("WPT ", "", 1)));
    }),
    ("scheme-alone", "the scheme without a WPT", &["WPT-16"], |c, _| c.finish = |wire| joined(wire, |_| "WPT".to_owned())),
    ("no-proof", "a WIT without proof of its key", &["WIT-25", "WIT-26", "WSVID-21"], |c, _| {
        c.finish = |wire| wire.remove("authorization");
    }),
    ("no-wit", "a WPT without its WIT", &["WPT-14", "WPT-23", "WIT-28"], |c, _| {
        c.finish = |wire| wire.remove("workload-identity-token");
    }),
    ("two-wits", "two `Workload-Identity-Token` fields", &["WIT-28", "WPT-14"], |c, _| {
        c.finish = |wire| {
            let again = wire.field("workload-identity-token").unwrap_or_default();
            wire.add("workload-identity-token", &again);
        };
    }),
    ("wit-as-bearer", "the WIT in `Authorization`", &["WIT-26", "WSVID-22", "WPT-36"], |c, _| {
        c.finish = |wire| {
            let wit = wire.field("workload-identity-token").unwrap_or_default();
            wire.remove("workload-identity-token");
            wire.set("authorization", &format!("Bearer {wit}"));
        };
    }),
    ("wit-as-proof", "the WIT in the place of the WPT", &["WIT-26", "WPT-19", "F28"], |c, _| {
        c.finish = |wire| {
            let wit = wire.field("workload-identity-token").unwrap_or_default();
            wire.set("authorization", &format!("WPT {wit}"));
        };
    }),
    ("wit-padded", "the WIT with padding", &["WIT-28"], |c, _| c.finish = |wire| rewritten(wire, |wit| format!("{wit}="))),
    ("wit-two-parts", "a WIT of two parts", &["WIT-28", "WIT-34"], |c, _| {
        c.finish = |wire| rewritten(wire, |wit| wit.split('.').take(2).collect::<Vec<_>>().join("."));
    }),
    ("wit-four-parts", "a WIT of four parts", &["WIT-28", "WIT-34"], |c, _| {
        c.finish = |wire| rewritten(wire, |wit| format!("{wit}.AAAA"));
    }),
    ("wit-empty", "an empty `Workload-Identity-Token`", &["WIT-28"], |c, _| c.finish = |wire| rewritten(wire, |_| String::new())),
    ("wit-quoted", "the WIT in quotes", &["WIT-28"], |c, _| c.finish = |wire| rewritten(wire, |wit| format!("\"{wit}\""))),
    ("legacy-alone", "the proof in the field of earlier drafts", &["WPT-03", "WPT-35"], |c, _| {
        c.finish = |wire| {
            let wpt = wire.field("authorization").unwrap_or_default().replacen("WPT ", "", 1);
            wire.remove("authorization");
            wire.add("workload-proof-token", &wpt);
        };
    }),
    ("legacy-beside", "the proof in the field of earlier drafts too", &["WPT-03"], |c, _| {
        c.finish = |wire| {
            let wpt = wire.field("authorization").unwrap_or_default().replacen("WPT ", "", 1);
            wire.add("workload-proof-token", &wpt);
        };
    }),
    ("assertion-beside", "a client assertion beside the WPT: two ways to authenticate", &["CORE-04", "WPT-29"], |c, w| {
        c.exchange.set("client_assertion_type", "urn:ietf:params:oauth:client-assertion-type:jwt-spiffe");
        c.exchange.set("client_assertion", &w.svid().sign());
    }),
    ("client-id-other", "`client_id` names another workload", &["ASSERT-02", "WIT-16"], |c, w| {
        c.exchange.set("client_id", &w.options.other_agent);
    }),
    ("transaction-uncovered", "a transaction token that the proof does not cover", &["WPT-10", "WPT-25", "WPT-30"], |c, _| {
        c.exchange.header("txn-token", TRANSACTION);
    }),
    ("transaction-other", "`tth` of another transaction token", &["WPT-10", "WPT-25"], |c, _| {
        c.exchange.header("txn-token", TRANSACTION);
        c.wpt.claim("tth", token_hash("another.transaction.token"));
    }),
    ("transactions-two", "two transaction tokens", &["WPT-12", "WPT-25"], |c, _| {
        c.exchange.header("txn-token", TRANSACTION);
        c.exchange.header("txn-token", TRANSACTION);
        c.wpt.claim("tth", token_hash(TRANSACTION));
    }),
    ("host-agrees", "`aud` that agrees with a forged host", &["WPT-41", "WPT-42", "F22"], |c, _| {
        c.exchange.header("x-forwarded-host", "evil.example");
        c.exchange.header("x-forwarded-proto", "https");
        c.exchange.header("forwarded", "host=evil.example;proto=https");
        c.wpt.claim("aud", "https://evil.example/token");
    }),
];

pub(super) const ACCEPTED: &[Row] = &[
    ("scheme-case", "the scheme in small letters", &["WPT-02"], |c, _| {
        c.finish = |wire| joined(wire, |wpt| wpt.replacen("WPT", "wpt", 1))
    }),
    ("two-spaces", "two spaces after the scheme", &["WPT-02"], |c, _| {
        c.finish = |wire| joined(wire, |wpt| wpt.replacen(' ', "  ", 1))
    }),
    ("proxy-authorization", "`Proxy-Authorization` is for the proxy", &["WPT-31", "DPOP-30"], |c, _| {
        c.exchange.header("proxy-authorization", "Basic cHJveHk6cHJveHk=");
    }),
    ("transaction-covered", "a transaction token that the proof covers", &["WPT-10", "WPT-25", "WPT-30"], |c, _| {
        c.exchange.header("txn-token", TRANSACTION);
        c.wpt.claim("tth", token_hash(TRANSACTION));
    }),
    ("uncovered-field", "a token field that nobody covers decides nothing", &["WPT-27", "WPT-29"], |c, _| {
        c.exchange.header("x-access-token", "an.access.token");
    }),
    ("forged-host", "no forwarding field decides what `aud` is compared with", &["WPT-41", "WPT-42", "F22"], |c, _| {
        c.exchange.header("x-forwarded-host", "evil.example");
        c.exchange.header("x-forwarded-proto", "https");
    }),
    ("client-id", "`client_id` may be sent if it is the WIT's subject", &["ASSERT-02"], |c, w| {
        c.exchange.set("client_id", &w.options.agent);
    }),
];

fn joined(wire: &mut Wire, change: fn(&str) -> String) {
    let wpt = wire.field("authorization").unwrap_or_default();
    wire.set("authorization", &change(&wpt));
}

fn rewritten(wire: &mut Wire, change: fn(&str) -> String) {
    let wit = wire.field("workload-identity-token").unwrap_or_default();
    wire.set("workload-identity-token", &change(&wit));
}
