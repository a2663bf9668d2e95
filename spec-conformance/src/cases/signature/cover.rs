//! What a signature must cover.

use super::Row;

const TRANSACTION: &str = "eyJhbGciOiJub25lIn0.e30.c2ln";

pub(super) const REFUSED: &[Row] = &[
    ("without-method", "`@method` is not covered", &["SIG-01"], |c, _| c.signing.uncover("@method")),
    ("without-target", "`@request-target` is not covered", &["SIG-01"], |c, _| c.signing.uncover("@request-target")),
    ("path-alone", "`@path` in the place of `@request-target`", &["SIG-01"], |c, _| {
        c.signing.components[1] = "@path".to_owned();
    }),
    ("without-content-type", "`Content-Type` is there and not covered", &["SIG-02"], |c, _| c.signing.uncover("content-type")),
    ("without-content-digest", "`Content-Digest` is there and not covered", &["SIG-02", "SIG-04"], |c, _| {
        c.signing.uncover("content-digest");
    }),
    ("without-wit", "`Workload-Identity-Token` is not covered", &["SIG-02"], |c, _| c.signing.uncover("workload-identity-token")),
    ("without-transaction", "`Txn-Token` is there and not covered", &["SIG-02"], |c, _| {
        c.exchange.header("txn-token", TRANSACTION);
    }),
    ("nothing", "nothing is covered", &["SIG-01", "SIG-02"], |c, _| c.signing.components.clear()),
    ("component-twice", "a component twice", &["SIG-34"], |c, _| c.signing.cover("@method")),
    ("component-capitals", "the name of a field in capitals", &["SIG-34"], |c, _| {
        c.signing.components[2] = "Content-Type".to_owned();
    }),
    ("component-absent", "a field is covered that is not there", &["SIG-34"], |c, _| c.signing.cover("x-absent")),
    ("component-unknown", "a derived component nobody knows", &["SIG-34"], |c, _| c.signing.cover("@nothing")),
    ("component-of-request", "a request that covers components of a request", &["SIG-34"], |c, _| {
        c.signing.components[0] = "@method;req".to_owned();
    }),
];

pub(super) const ACCEPTED: &[Row] = &[
    ("another-order", "components in another order", &["SIG-34"], |c, _| c.signing.components.reverse()),
    ("another-field", "one more field is covered", &["SIG-02", "SIG-34"], |c, _| {
        c.exchange.header("x-request-id", "  seven  ");
        c.signing.cover("x-request-id");
    }),
    ("repeated-field", "a field that occurs twice is covered as one", &["SIG-34"], |c, _| {
        c.exchange.header("x-part", "one");
        c.exchange.header("x-part", "two");
        c.signing.cover("x-part");
    }),
    ("transaction", "a transaction token is covered", &["SIG-02"], |c, _| {
        c.exchange.header("txn-token", TRANSACTION);
        c.signing.cover("txn-token");
    }),
    ("query", "a query is part of the target", &["SIG-01", "SIG-18"], |c, w| {
        c.exchange.url = format!("{}?x=1", w.token_endpoint);
    }),
];
