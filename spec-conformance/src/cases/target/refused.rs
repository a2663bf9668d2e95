//! Targets, scopes and kinds of token that are refused.

use super::Row;

const TARGET: &[&str] = &["invalid_target"];
const SYNTAX: &[&str] = &["invalid_target", "invalid_request"];
const SCOPE: &[&str] = &["invalid_scope"];
const REQUEST: &[&str] = &["invalid_request"];

pub(super) const ROWS: &[Row] = &[
    ("unknown", "a resource nobody knows", &["TX-19", "RES-03", "RES-05", "F04"], TARGET, |e, _| {
        e.set("resource", "https://unknown.example/api")
    }),
    ("relative", "a relative URI", &["TX-06", "RES-01"], SYNTAX, |e, _| e.set("resource", "/calendar")),
    ("fragment", "a fragment", &["TX-06", "RES-01"], SYNTAX, |e, w| e.set("resource", &format!("{}#x", w.options.resource))),
    ("not-a-uri", "no URI", &["TX-06", "RES-01"], SYNTAX, |e, _| e.set("resource", "not a uri")),
    ("slash", "a slash more", &["RES-05", "F04"], TARGET, |e, w| e.set("resource", &format!("{}/", w.options.resource))),
    ("longer", "a path below the target", &["RES-05", "F04"], TARGET, |e, w| {
        e.set("resource", &format!("{}/x", w.options.resource))
    }),
    ("host-case", "other letter case", &["RES-05", "F04"], TARGET, |e, w| e.set("resource", &w.options.resource.to_uppercase())),
    ("dots", "dot segments", &["RES-05", "F04"], SYNTAX, |e, w| e.set("resource", &format!("{}/../x", w.options.resource))),
    ("ourselves", "the server itself", &["RES-05", "F04"], TARGET, |e, w| e.set("resource", &w.options.issuer.clone())),
    ("two", "two resources", &["TX-12", "AT-11", "TX-06"], TARGET, |e, _| e.add("resource", "https://unknown.example/api")),
    ("none", "no target", &["RES-04", "AT-10"], SYNTAX, |e, _| e.remove("resource")),
    ("unknown-name", "a logical name nobody knows", &["TX-07", "TX-19", "F04"], TARGET, |e, _| {
        e.remove("resource");
        e.set("audience", "nobody");
    }),
    ("unknown-scope", "a scope the target does not have", &["CORE-10", "RES-03", "F05"], SCOPE, |e, _| {
        e.set("scope", "no.such.scope")
    }),
    ("scope-case", "a scope in capitals", &["TX-08", "F05"], SCOPE, |e, w| e.set("scope", &w.options.scope.to_uppercase())),
    ("scope-prefix", "only the beginning of a scope", &["TX-08", "F05"], SCOPE, |e, w| {
        let scope = &w.options.scope;
        e.set("scope", &scope[..scope.len() - 1]);
    }),
    ("scope-wildcard", "a wildcard", &["F05"], SCOPE, |e, _| e.set("scope", "*")),
    ("scope-quote", "a quote in a scope", &["TX-08", "CORE-10"], SCOPE, |e, w| e.set("scope", &format!("{}\"", w.options.scope))),
    ("scope-tab", "a tab in a scope", &["CORE-10"], SCOPE, |e, w| e.set("scope", &format!("{}\tx", w.options.scope))),
    ("scope-double-space", "two spaces between scopes", &["CORE-10"], SCOPE, |e, w| {
        e.set("scope", &format!("{0}  {0}", w.options.scope))
    }),
    ("scope-not-ascii", "a letter outside ASCII in a scope", &["CORE-10"], SCOPE, |e, _| e.set("scope", "calend\u{430}r.read")),
    ("wanted-unknown", "an unknown kind of token is asked for", &["TX-09"], REQUEST, |e, _| {
        e.set("requested_token_type", "urn:example:token")
    }),
    ("wanted-refresh-token", "a refresh token is asked for", &["TX-09", "TX-17"], REQUEST, |e, _| {
        e.set("requested_token_type", "urn:ietf:params:oauth:token-type:refresh_token");
    }),
    ("wanted-saml", "SAML is asked for", &["TX-09"], REQUEST, |e, _| {
        e.set("requested_token_type", "urn:ietf:params:oauth:token-type:saml2");
    }),
    ("wanted-wit-for-user", "a WIT is asked for with a user as subject", &["WIT-17", "TX-05", "F01"], REQUEST, |e, _| {
        e.set("requested_token_type", "urn:procura:token-type:wit");
    }),
];
