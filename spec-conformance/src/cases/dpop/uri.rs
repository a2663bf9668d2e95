//! URIs that are not the token endpoint.

use crate::cases::flaw::{Flaw, flaw};

pub(super) const FLAWS: &[Flaw] = &[
    flaw("uri-path", "another path", &["DPOP-09", "F22"], |d, w| d.claim("htu", format!("{}/x", w.token_endpoint))),
    flaw("uri-root", "the issuer instead of the endpoint", &["DPOP-09", "F22"], |d, w| d.claim("htu", w.options.issuer.clone())),
    flaw("uri-host", "another host", &["DPOP-09", "F22"], |d, _| d.claim("htu", "https://evil.example/token")),
    flaw("uri-scheme", "another scheme", &["DPOP-09", "F22"], |d, w| {
        let endpoint = &w.token_endpoint;
        let other = match endpoint.strip_prefix("http://") {
            Some(rest) => format!("https://{rest}"),
            None => endpoint.replacen("https", "http", 1),
        };
        d.claim("htu", other);
    }),
    flaw("uri-port", "another port", &["DPOP-09", "F22"], |d, w| {
        let (scheme, rest) = w.token_endpoint.split_once("://").unwrap_or_default();
        let (host, path) = rest.split_once('/').unwrap_or((rest, ""));
        d.claim("htu", format!("{scheme}://{}:1/{path}", host.split(':').next().unwrap_or_default()));
    }),
    flaw("uri-userinfo", "our URI as the user name of another host", &["DPOP-09", "F22"], |d, w| {
        d.claim("htu", w.token_endpoint.replacen("/token", "@evil.example/token", 1));
    }),
    flaw("uri-path-case", "the path in capitals", &["DPOP-10", "F22"], |d, w| {
        d.claim("htu", w.token_endpoint.replacen("/token", "/TOKEN", 1));
    }),
    flaw("uri-slash", "a slash at the end", &["DPOP-09", "F22"], |d, w| d.claim("htu", format!("{}/", w.token_endpoint))),
    flaw("uri-encoded-slash", "`%2F` is not a slash", &["DPOP-10", "F22"], |d, w| {
        d.claim("htu", w.token_endpoint.replacen("/token", "/%2Ftoken", 1));
    }),
    flaw("uri-relative", "only the path", &["DPOP-09", "F22"], |d, _| d.claim("htu", "/token")),
    flaw("uri-empty", "an empty `htu`", &["DPOP-09"], |d, _| d.claim("htu", "")),
];
