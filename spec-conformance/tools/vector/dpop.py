"""DPoP proofs (RFC 9449)."""

from . import jose, sign
from .keys import bare
from .set import NOW, TYPES, Set

URI = "https://as.example/token"
REASONS = ["malformed", "typ", "algorithm", "key", "signature", "claim", "method", "uri", "time", "ath"]
ALL = ["ES256", "ES384", "ES512", "RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "EdDSA", "Ed25519"]
RFC_TOKEN = "Kz~8mXK1EalYznwH-LC-1fBAo.4Ljp~zsPE_NeO.gxU"


def build(keys):
    vectors = Set("dpop", REASONS, method="POST", uri=URI, algorithms=ALL)
    key = keys["agent-es256"]
    header = {"typ": "dpop+jwt", "alg": "ES256", "jwk": bare(key)}
    claims = {"jti": "e1j3V_bKic8-LAEB", "htm": "POST", "htu": URI, "iat": NOW}
    base = jose.Base(vectors, "proof", header, claims, key, ["DPOP-02"])
    positive(base, keys)
    jose.add_common(base, proof=True)
    types(base)
    proof_keys(base, keys)
    claim_set(base)
    method_and_uri(base)
    window(base)
    access_token_hash(base)
    return vectors


def positive(base, keys):
    rules = ["DPOP-04", "DPOP-05", "DPOP-23"]
    for alg in ALL:
        key = keys[{"ES256": "agent-es256", "ES384": "agent-es384", "ES512": "agent-es512", "EdDSA": "agent-ed25519", "Ed25519": "agent-ed25519"}.get(alg, "agent-rsa")]
        base.add(f"good-{alg.lower()}", "accept", f"a good proof, {alg}", rules, header={"alg": alg, "jwk": bare(key)}, key=key, algorithm=alg, needs=[alg])
    base.add("good-nonce", "accept", "a nonce and unknown claims are fine here", ["DPOP-11", "DPOP-07"], claims={"nonce": "eyJ7S_zG.eyJH0-Z.HX4w-7v", "example.com/x": [1]})
    base.add("good-jwk-optional-members", "accept", "`kid`, `use` and `alg` in the `jwk` are public information", ["DPOP-06", "THUMB-01"],
             header={"jwk": {**bare(base.key), "kid": "a", "use": "sig", "alg": "ES256"}})
    base.add("algorithm-not-allowed", "algorithm", "a good ES256 proof where only PS256 is allowed", ["DPOP-04", "BCP-01"], algorithms=["PS256"])
    published = ("eyJ0eXAiOiJkcG9wK2p3dCIsImFsZyI6IkVTMjU2IiwiandrIjp7Imt0eSI6IkVDIiwieCI6Imw4dEZyaHgtMzR0VjNoUklDUkRZOXpDa0RscEJoRjQyVVFVZldWQVdCRnMiLCJ5IjoiOVZFNGpmX09rX282NHpiVFRsY3VOSmFqSG10NnY5VERWclUwQ2R2R1JEQSIsImNydiI6IlAtMjU2In19"
                 ".eyJqdGkiOiItQndDM0VTYzZhY2MybFRjIiwiaHRtIjoiUE9TVCIsImh0dSI6Imh0dHBzOi8vc2VydmVyLmV4YW1wbGUuY29tL3Rva2VuIiwiaWF0IjoxNTYyMjYyNjE2fQ"
                 ".2-GxA6T8lP4vfrg8v-FdWP0A0zdrj8igiMLvqRMUvwnQg4PtFLbdLXiOSsX0x7NVY-FNyJK70nfbV37xRZT3Lg")
    base.add("published-rfc9449-figure-2", "accept", "the first proof printed in RFC 9449", ["DPOP-05", "DPOP-07"], token=published, uri="https://server.example.com/token", now=1562262616,
             source={"document": "RFC 9449 section 4.1, figure 2", "licence": "IETF Trust Code Component (Revised BSD)"})


def types(base):
    for typ in TYPES:
        if typ != "dpop+jwt":
            base.add(f"typ-{typ.lower().replace('+', '-')}", "typ", f"`typ` is `{typ}`", ["DPOP-03", "BCP-13"], header={"typ": typ}, attacks=["F28", "F01"])
    base.add("typ-missing", "typ", "no `typ`", ["DPOP-03"], header={"typ": ...}, attacks=["F28"])
    base.add("typ-number", "malformed", "`typ` is a number", ["DPOP-03"], also=["typ"], header={"typ": 1})
    base.add("typ-suffix", "typ", "`typ` only begins like the right one", ["DPOP-03"], header={"typ": "dpop+jwt2"})


def proof_keys(base, keys):
    own, rules = bare(base.key), ["DPOP-06"]
    base.add("key-missing", "key", "no `jwk`", ["DPOP-05"], also=["malformed"], header={"jwk": ...})
    base.add("key-null", "key", "`jwk` is null", ["DPOP-05"], also=["malformed"], header={"jwk": None})
    base.add("key-array", "key", "`jwk` is a list of keys", ["DPOP-05"], also=["malformed"], header={"jwk": [own]})
    base.add("key-empty", "key", "`jwk` has no members", ["DPOP-05"], also=["malformed"], header={"jwk": {}})
    base.add("key-private-ec", "key", "the private `d` is in the header", rules, header={"jwk": {**own, "d": base.key["d"]}}, attacks=["F20"])
    base.add("key-private-empty", "key", "a private member, even an empty one", rules, also=["malformed"], header={"jwk": {**own, "d": ""}}, attacks=["F20"])
    rsa = keys["agent-rsa"]
    for member in ["d", "p", "q", "dp", "dq", "qi"]:
        base.add(f"key-private-rsa-{member}", "key", f"the private RSA member `{member}` is in the header", rules, header={"alg": "RS256", "jwk": {**bare(rsa), member: rsa[member]}}, key=rsa,
                 algorithm="RS256", attacks=["F20"])
    base.add("key-private-rsa-oth", "key", "the private RSA member `oth` is in the header", rules, header={"alg": "RS256", "jwk": {**bare(rsa), "oth": []}}, key=rsa, algorithm="RS256", attacks=["F20"])
    okp = keys["agent-ed25519"]
    base.add("key-private-okp", "key", "the private `d` of an Ed25519 key", rules, header={"alg": "EdDSA", "jwk": {**bare(okp), "d": okp["d"]}}, key=okp, algorithm="EdDSA", attacks=["F20"])
    base.add("key-symmetric-member", "key", "a `k` member beside an EC key", rules, header={"jwk": {**own, "k": "AAAA"}}, attacks=["F20"])
    secret = b"0123456789abcdef0123456789abcdef"
    oct_key = {"kty": "oct", "k": sign.b64u(secret)}
    base.add("key-oct", "algorithm", "HS256 with the symmetric key in the header", ["DPOP-04", *rules], also=["key"],
             token=sign.jws({"typ": "dpop+jwt", "alg": "HS256", "jwk": oct_key}, base.claims, secret, "HS256"), attacks=["F20"])
    base.add("key-oct-es256", "key", "an `oct` key under an ES256 header", rules, header={"jwk": oct_key}, attacks=["F20"])
    other = keys["other-es256"]
    base.add("key-of-someone-else", "signature", "signed with another key than the `jwk`", ["DPOP-05"], key=other, attacks=["F20", "F21"])
    p384 = keys["agent-es384"]
    base.add("key-p384-es256", "algorithm", "`ES256` with a P-384 key, signed with SHA-256", ["DPOP-05"], also=["key", "signature"], header={"jwk": bare(p384)}, key=p384, algorithm="ES256", attacks=["F20"])
    base.add("key-rsa-es256", "algorithm", "`ES256` with an RSA key", ["DPOP-05"], also=["key", "signature"], header={"jwk": bare(rsa)}, key=rsa, algorithm="RS256", attacks=["F20"])
    base.add("key-rsa-ps-swapped", "signature", "`PS256` in the header, PKCS #1 v1.5 signature", ["DPOP-05", "BCP-01"], header={"alg": "PS256", "jwk": bare(rsa)}, key=rsa, algorithm="RS256", attacks=["F30"])
    weak = keys["weak-rsa"]
    base.add("key-weak-rsa", "key", "RSA with 1024 bits", ["BCP-05"], also=["signature", "algorithm"], header={"alg": "RS256", "jwk": bare(weak)}, key=weak, algorithm="RS256", attacks=["F20"])
    base.add("key-off-curve", "key", "the point is not on the curve", ["BCP-05"], also=["signature"], header={"jwk": {**own, "y": own["x"]}}, attacks=["F20"])
    base.add("key-unknown-type", "key", "`kty` nobody knows", ["DPOP-05"], also=["algorithm", "malformed"], header={"jwk": {**own, "kty": "XX"}})
    base.add("key-coordinate-short", "key", "`x` has 31 octets", ["THUMB-02"], also=["malformed"], header={"jwk": {**own, "x": sign.b64u(sign.unb64u(own["x"])[1:])}}, attacks=["F27"])
    base.add("key-coordinate-long", "key", "`x` with a leading zero octet: a second thumbprint for one key", ["THUMB-02"], also=["malformed"], header={"jwk": {**own, "x": sign.b64u(b"\0" + sign.unb64u(own["x"]))}}, attacks=["F27"])
    base.add("key-coordinate-padded", "key", "`x` with padding: a second thumbprint for one key", ["THUMB-02"], also=["malformed"], header={"jwk": {**own, "x": own["x"] + "="}}, attacks=["F27"])
    base.add("key-coordinate-loose", "key", "`x` in another spelling: a second thumbprint for one key", ["THUMB-02"], also=["malformed"], header={"jwk": {**own, "x": sign.other_last_character(own["x"])}}, attacks=["F27"])
    base.add("key-modulus-leading-zero", "key", "`n` with a leading zero octet: a second thumbprint for one key", ["THUMB-02"], also=["malformed"],
             header={"alg": "RS256", "jwk": {**bare(rsa), "n": sign.b64u(b"\0" + sign.unb64u(rsa["n"]))}}, key=rsa, algorithm="RS256", attacks=["F27"])
    raw = sign.compact(jose.edit(base.header, {"jwk": ...}))[:-1] + b',"jwk":' + jose.text(own, f'"x":"{other["x"]}"') + b"}"
    base.add("key-duplicate-member", "malformed", "`x` twice inside `jwk`", ["BCP-19"], also=["key"], header=raw, attacks=["F31"])
    base.add("key-by-id-only", "key", "only a `kid`, no `jwk`", ["DPOP-05"], also=["malformed"], header={"jwk": ..., "kid": "agent"}, attacks=["F33"])
    pinned = {**own, "alg": "ES384"}
    base.add("key-says-other-algorithm", "algorithm", "`jwk.alg` is `ES384`, the header says `ES256`", ["BCP-01"], also=["key"], header={"jwk": pinned})


def claim_set(base):
    rules = ["DPOP-07"]
    for claim in ["jti", "htm", "htu", "iat"]:
        base.add(f"claim-{claim}-missing", "claim", f"no `{claim}`", rules, also=["malformed"], claims={claim: ...})
    for claim in ["jti", "htm", "htu"]:
        for slug, value in [("null", None), ("number", 7), ("array", ["POST"])]:
            base.add(f"claim-{claim}-{slug}", "claim", f"`{claim}` is of the wrong type", rules, also=["malformed"], claims={claim: value})
    base.add("claim-jti-empty", "claim", "`jti` is empty", rules, also=["malformed"], claims={"jti": ""})
    base.add("claim-jti-huge", "claim", "`jti` of 64 KiB", ["DPOP-17"], also=["malformed"], claims={"jti": "j" * 65536}, attacks=["F37"])
    jose.add_wrong_numbers(base, "iat", rules)
    for slug, raw in [("float", f"{NOW}.5"), ("negative-time", "-1"), ("beyond-53-bits", "9007199254740993"), ("beyond-64-bits", "18446744073709551616")]:
        payload = jose.text(jose.edit(base.claims, {"iat": ...}), f'"iat":{raw}')
        also = ["malformed"] if slug == "float" else ["time", "malformed"]
        base.add(f"iat-{slug}", "claim", f"`iat` is `{raw}`", rules, also=also, claims=payload, attacks=["F26"])


def method_and_uri(base):
    for slug, method in [("lower-case", "post"), ("get", "GET"), ("space", "POST "), ("empty", "")]:
        base.add(f"method-{slug}", "method", f"`htm` is `{method}`, the request is a POST", ["DPOP-08"], also=["claim"] if slug in ("empty", "space") else [], claims={"htm": method}, attacks=["F26"])
    rules = ["DPOP-09", "DPOP-10"]
    same = [
        ("scheme-case", "HTTPS://as.example/token", URI), ("host-case", "https://AS.Example/token", URI), ("default-port", "https://as.example:443/token", URI),
        ("default-port-on-request", URI, "https://as.example:443/token"), ("empty-port", "https://as.example:/token", URI), ("all-at-once", "HTTPS://AS.Example:443/%74oken", URI),
        ("percent-unreserved", "https://as.example/%74%6f%6B%65n", URI), ("percent-tilde", "https://as.example/%7Ea", "https://as.example/~a"),
        ("percent-case", "https://as.example/a%2fb", "https://as.example/a%2Fb"), ("dot-segments", "https://as.example/a/../token", URI), ("dot-segment", "https://as.example/./token", URI),
        ("empty-path", "https://as.example", "https://as.example/"), ("query", URI + "?x=1", URI), ("fragment", URI + "#x", URI), ("query-on-request", URI, URI + "?x=1&y=2"),
        ("http-default-port", "http://127.0.0.1:80/token", "http://127.0.0.1/token"), ("other-port", "http://127.0.0.1:8080/token", "http://127.0.0.1:8080/token"),
    ]
    for slug, htu, uri in same:
        base.add(f"uri-{slug}", "accept", f"`{htu}` names `{uri}`", rules, claims={"htu": htu}, uri=uri)
    differ = [
        ("path", "https://as.example/other"), ("host", "https://evil.example/token"), ("scheme", "http://as.example/token"), ("port", "https://as.example:8443/token"),
        ("path-case", "https://as.example/Token"), ("trailing-slash", "https://as.example/token/"), ("double-slash", "https://as.example//token"), ("prefix", "https://as.example/tok"),
        ("longer", "https://as.example/token/x"), ("subdomain", "https://evil.as.example/token"), ("host-suffix", "https://as.example.evil.example/token"), ("percent-slash", "https://as.example/a%2F..%2Ftoken"),
        ("host-dot", "https://as.example./token"), ("path-only", "/token"), ("scheme-relative", "//as.example/token"), ("no-scheme", "as.example/token"), ("empty", ""),
        ("userinfo", "https://as.example@evil.example/token"), ("own-userinfo", "https://user@as.example/token"), ("backslash", "https://as.example\\@evil.example/token"), ("space", "https://as.example/token "),
        ("tab", "https://as.exa\tmple/token"), ("dot-segments-out", "https://as.example/token/.."), ("percent-invalid", "https://as.example/token%"), ("percent-not-hex", "https://as.example/%zztoken"),
        ("double-encoded", "https://as.example/%2574oken"), ("path-parameter", "https://as.example/token;x=1"), ("unicode-host", "https://as.exámple/token"), ("ideographic-dot", "https://as\u3002example/token"),
    ]
    for slug, htu in differ:
        base.add(f"uri-not-{slug}", "uri", f"`htu` is `{htu}`", rules, also=["claim", "malformed"], claims={"htu": htu}, attacks=["F22"])


def window(base):
    rules, attacks = ["DPOP-12"], ["F26", "F35"]
    for slug, offset in [("oldest", -58), ("newest", 4), ("same-second", 0)]:
        base.add(f"time-{slug}", "accept", f"made {offset} s from now", rules, claims={"iat": NOW + offset})
    for slug, offset in [("too-old", -63), ("too-new", 8), ("an-hour-old", -3600), ("tomorrow", 86400)]:
        base.add(f"time-{slug}", "time", f"made {offset} s from now", rules, claims={"iat": NOW + offset}, attacks=attacks)
    base.add("time-zero", "time", "made in 1970", rules, also=["claim"], claims={"iat": 0}, attacks=attacks)


def access_token_hash(base):
    rules = ["DPOP-13"]
    good = sign.ath(RFC_TOKEN)
    assert good == "fUHyO2r2Z3DZ53EsNrWBb0xWXoaNy59IiKCAqksmQEo"
    uri = dict(uri="https://resource.example/a", method="GET")
    claims = {"htm": "GET", "htu": "https://resource.example/a"}
    base.add("ath-good", "accept", "the hash printed in RFC 9449", rules, claims={**claims, "ath": good}, ath_token=RFC_TOKEN, **uri)
    for slug, value in [
        ("missing", ...), ("other-token", sign.ath("other")), ("padded", good + "="), ("loose", sign.other_last_character(good)), ("empty", ""), ("null", None), ("number", 1),
        ("hex", "7d41f23b6af66770d9e7712c36b5816f4c565e868dcb9f4888a080aa4b26404a"), ("case", good.lower()),
    ]:
        base.add(f"ath-{slug}", "ath", "`ath` is not the hash of the token", rules, also=["claim", "malformed"], claims={**claims, "ath": value}, ath_token=RFC_TOKEN, attacks=["F26"], **uri)
