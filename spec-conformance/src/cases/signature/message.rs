//! The message around a signature, and what happens to it on the way.

use super::Row;
use crate::jose::Key;
use crate::signature::content_digest;
use crate::world::Wire;

pub(super) const REFUSED: &[Row] = &[
    ("key-other", "signed by another key than the WIT's", &["SIG-17", "WIT-25", "F21"], |c, _| c.signing.key = Key::generate()),
    ("flipped", "one bit of the signature changed", &["SIG-16"], |c, _| {
        c.signing.finish = |octets| octets.iter_mut().take(1).for_each(|octet| *octet ^= 1);
    }),
    ("short", "a signature cut short", &["SIG-16"], |c, _| c.signing.finish = |octets| octets.truncate(63)),
    ("empty", "an empty signature", &["SIG-16"], |c, _| c.signing.finish = |octets| octets.clear()),
    ("zero", "r = s = 0", &["SIG-16"], |c, _| c.signing.finish = |octets| octets.fill(0)),
    ("body-swapped", "another body after signing", &["SIG-04", "F27"], |c, _| {
        c.finish = |wire| wire.body = format!("{}&x=1", wire.body);
    }),
    ("body-shortened", "the last parameter taken away after signing", &["SIG-04", "F27"], |c, _| {
        c.finish = |wire| wire.body.truncate(wire.body.rfind('&').unwrap_or_default());
    }),
    ("digest-of-other-body", "a signed digest of another body", &["SIG-04"], |c, _| {
        c.prepare = |wire| wire.set("content-digest", &content_digest("sha-256", b"another body"));
    }),
    ("digest-of-nothing", "a signed digest of the empty body", &["SIG-04"], |c, _| {
        c.prepare = |wire| wire.set("content-digest", &content_digest("sha-256", b""));
    }),
    ("digest-missing", "a body without `Content-Digest`", &["SIG-04"], |c, _| {
        c.digest = None;
        c.signing.uncover("content-digest");
    }),
    ("digest-unknown", "a digest by an algorithm nobody may use", &["SIG-04"], |c, _| {
        c.prepare = |wire| wire.set("content-digest", "md5=:XrY7u+Ae7tCTyyK7j1rNww==:");
    }),
    ("digest-hex", "a digest in hexadecimal", &["SIG-04"], |c, _| {
        c.prepare = |wire| wire.set("content-digest", "sha-256=\"ba7816bf\"");
    }),
    ("digest-one-wrong", "two digests, one of another body", &["SIG-04"], |c, _| {
        c.prepare = |wire| {
            let good = content_digest("sha-256", wire.body.as_bytes());
            wire.set("content-digest", &format!("{good}, {}", content_digest("sha-512", b"another body")));
        };
    }),
    ("field-altered", "a covered field altered after signing", &["SIG-02", "SIG-16"], |c, _| {
        c.finish = |wire| wire.set("content-type", "application/x-www-form-urlencoded;charset=utf-8");
    }),
    ("field-added", "a covered field once more after signing", &["SIG-34"], |c, _| {
        c.exchange.header("x-part", "one");
        c.signing.cover("x-part");
        c.finish = |wire| wire.add("x-part", "two");
    }),
    ("transaction-added", "a transaction token added after signing", &["SIG-02"], |c, _| {
        c.finish = |wire| wire.add("txn-token", "eyJhbGciOiJub25lIn0.e30.c2ln");
    }),
    ("target-changed", "a query added after signing", &["SIG-01", "F22"], |c, _| c.finish = |wire| wire.url.push_str("?x=1")),
    ("target-swapped", "signed for another path", &["SIG-01", "F22"], |c, w| {
        c.exchange.url = w.token_endpoint.replacen("/token", "/tokens", 1);
        c.finish = |wire| wire.url = wire.url.replacen("/tokens", "/token", 1);
    }),
    ("no-signature", "no `Signature`", &["SIG-16", "WIT-25"], |c, _| c.finish = |wire| wire.remove("signature")),
    ("no-input", "no `Signature-Input`", &["SIG-16", "WIT-25"], |c, _| c.finish = |wire| wire.remove("signature-input")),
    ("no-wit", "no `Workload-Identity-Token`", &["SIG-15", "WIT-28"], |c, _| {
        c.finish = |wire| wire.remove("workload-identity-token");
    }),
    ("wit-changed", "one bit of the WIT's signature changed: the WIT is judged first", &["SIG-15", "WIT-37"], |c, _| {
        c.prepare = |wire| {
            let wit = wire.field("workload-identity-token").unwrap_or_default();
            let (message, signature) = wit.rsplit_once('.').unwrap_or((&wit, ""));
            let first = if signature.starts_with('A') { 'B' } else { 'A' };
            wire.set("workload-identity-token", &format!("{message}.{first}{}", &signature[1..]));
        };
    }),
    ("two-wits", "two `Workload-Identity-Token` fields", &["SIG-15", "WIT-28"], |c, _| {
        c.prepare = |wire| {
            let again = wire.field("workload-identity-token").unwrap_or_default();
            wire.add("workload-identity-token", &again);
        };
    }),
    ("two-signatures", "two signatures of the profile", &["SIG-12"], |c, _| c.finish = |wire| doubled(wire, |input| input)),
    ("label-of-input", "input and signature under two labels", &["SIG-12", "SIG-34"], |c, _| {
        c.finish = |wire| {
            let signature = wire.field("signature").unwrap_or_default().replacen("wimse=", "other=", 1);
            wire.set("signature", &signature);
        };
    }),
    ("input-malformed", "`Signature-Input` that is no dictionary", &["SIG-34"], |c, _| {
        c.finish = |wire| wire.set("signature-input", "wimse=(\"@method\"");
    }),
    ("signature-malformed", "`Signature` that is no byte sequence", &["SIG-34"], |c, _| {
        c.finish = |wire| wire.set("signature", "wimse=\"AAAA\"");
    }),
    ("bearer-beside", "a bearer token beside the signature, covered", &["SIG-31", "WPT-29"], |c, _| {
        c.exchange.header("authorization", "Bearer an.access.token");
        c.signing.cover("authorization");
    }),
    ("assertion-beside", "a client assertion beside the signature: two ways to authenticate", &["CORE-04"], |c, w| {
        c.exchange.set("client_assertion_type", "urn:ietf:params:oauth:client-assertion-type:jwt-spiffe");
        c.exchange.set("client_assertion", &w.svid().sign());
    }),
    ("client-id-other", "`client_id` names another workload", &["ASSERT-02", "WIT-16"], |c, w| {
        c.exchange.set("client_id", &w.options.other_agent);
    }),
];

pub(super) const ACCEPTED: &[Row] = &[
    ("sha-512", "a digest by SHA-512", &["SIG-04"], |c, _| c.digest = Some("sha-512")),
    ("digest-of-both", "digests by both algorithms", &["SIG-04"], |c, _| {
        c.prepare = |wire| {
            let first = content_digest("sha-256", wire.body.as_bytes());
            wire.set("content-digest", &format!("{first}, {}", content_digest("sha-512", wire.body.as_bytes())));
        };
    }),
    ("other-label", "another label than `wimse`", &["SIG-12"], |c, _| c.signing.label = "sig1"),
    ("signature-of-others", "a second signature that is for somebody else", &["SIG-12"], |c, _| {
        c.finish = |wire| doubled(wire, |input| input.replacen("wimse-workload-to-workload", "of-a-proxy", 1));
    }),
    ("two-lines", "that other signature in lines of its own", &["SIG-12", "SIG-34"], |c, _| {
        c.finish = |wire| {
            for name in ["signature-input", "signature"] {
                let other = wire.field(name).unwrap_or_default().replacen("wimse=", "second=", 1);
                wire.add(name, &other.replacen("wimse-workload-to-workload", "of-a-proxy", 1));
            }
        };
    }),
    ("client-id", "`client_id` may be sent if it is the WIT's subject", &["ASSERT-02"], |c, w| {
        c.exchange.set("client_id", &w.options.agent);
    }),
];

/// A second member in both fields, under another label.
fn doubled(wire: &mut Wire, change: fn(String) -> String) {
    for name in ["signature-input", "signature"] {
        let one = wire.field(name).unwrap_or_default();
        let two = change(one.replacen("wimse=", "second=", 1));
        wire.set(name, &format!("{one}, {two}"));
    }
}
