//! How a request can name its subject wrongly.

use super::Row;

pub(super) const ROWS: &[Row] = &[
    ("missing", "no `subject_token`", &["TX-02", "F02"], |e, _| e.remove("subject_token")),
    ("type-missing", "no `subject_token_type`", &["TX-02", "F02"], |e, _| e.remove("subject_token_type")),
    ("empty", "an empty `subject_token` counts as none", &["TX-02", "CORE-03", "F02"], |e, _| e.set("subject_token", "")),
    ("type-empty", "an empty `subject_token_type` counts as none", &["TX-02", "CORE-03"], |e, _| e.set("subject_token_type", "")),
    ("both-missing", "neither subject nor its type", &["TX-02", "TX-31", "F02"], |e, _| {
        e.remove("subject_token");
        e.remove("subject_token_type");
    }),
    ("type-unknown", "a token type nobody knows", &["TX-21"], |e, _| e.set("subject_token_type", "urn:example:token")),
    ("type-upper-case", "a token type in capitals", &["TX-21"], |e, _| {
        e.set("subject_token_type", "URN:IETF:PARAMS:OAUTH:TOKEN-TYPE:ID_TOKEN");
    }),
    ("type-short", "only the last word of a token type", &["TX-21"], |e, _| e.set("subject_token_type", "id_token")),
    ("type-space", "a space after the token type", &["TX-21"], |e, _| {
        e.set("subject_token_type", "urn:ietf:params:oauth:token-type:id_token ");
    }),
    ("type-access-token", "an ID token declared as access token", &["TX-05", "TX-22", "F01"], |e, _| {
        e.set("subject_token_type", "urn:ietf:params:oauth:token-type:access_token");
    }),
    ("type-refresh-token", "an ID token declared as refresh token", &["TX-05", "TX-22", "F01"], |e, _| {
        e.set("subject_token_type", "urn:ietf:params:oauth:token-type:refresh_token");
    }),
    ("type-saml", "an ID token declared as SAML", &["TX-05", "F01"], |e, _| {
        e.set("subject_token_type", "urn:ietf:params:oauth:token-type:saml2");
    }),
    ("type-jwt", "an ID token declared as a workload's token", &["TX-05", "F01"], |e, _| {
        e.set("subject_token_type", "urn:ietf:params:oauth:token-type:jwt");
    }),
    ("garbage", "no token at all", &["TX-18"], |e, _| e.set("subject_token", "not.a.token")),
    ("hostile", "control characters and quotes", &["TX-18", "F36"], |e, _| e.set("subject_token", "\u{0}\r\n\"\\\u{202e}")),
];
