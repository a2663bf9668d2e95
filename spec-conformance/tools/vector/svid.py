"""JWT-SVIDs as client assertions (SPIFFE JWT-SVID, RFC 7523bis section 4)."""

from . import jose
from .keys import public
from .set import NOW, TYPES, Set

ISSUER = "https://sts.example"
REASONS = ["malformed", "typ", "algorithm", "key", "signature", "claim", "time", "audience", "identifier"]
NINE = {"ES256": "issuer-es256", "ES384": "issuer-es384", "ES512": "issuer-es512", **{a + n: "issuer-rsa" for a in ("RS", "PS") for n in ("256", "384", "512")}}


def bundle(keys, use):
    """The bundle of prod.example: the ES256 key twice over, as during a rotation, and the other kinds."""
    names = ["issuer-es256", "issuer-es384", "issuer-es512", "issuer-rsa"]
    return {"spiffe_sequence": 7, "spiffe_refresh_hint": 300, "keys": [public(keys[name], use=use) for name in names]}


def build(keys):
    vectors = Set("jwt-svid", REASONS, trust_domain="prod.example", jwks=bundle(keys, "jwt-svid"), audience=ISSUER)
    key = keys["issuer-es256"]
    header = {"alg": "ES256", "kid": "issuer-es256", "typ": "JWT"}
    claims = {"sub": "spiffe://prod.example/agent/planner", "aud": ISSUER, "exp": NOW + 300, "iat": NOW}
    base = jose.Base(vectors, "token", header, claims, key, ["JSVID-01", "SPIFFECA-02"])
    positive(base, keys)
    jose.add_common(base)
    jose.add_key_selection(base, keys, "jwt-svid")
    uses(base, keys)
    types(base)
    algorithms(base, keys)
    times(base)
    audiences(base)
    identifiers(base)
    return vectors


def positive(base, keys):
    for alg, name in NINE.items():
        base.add(f"good-{alg.lower()}", "accept", f"a good JWT-SVID, {alg}", ["JSVID-03", "SPIFFECA-16"], header={"alg": alg, "kid": name}, key=keys[name], algorithm=alg, needs=[alg])
    base.add("good-audience-list", "accept", "`aud` as a list of one", ["JSVID-08", "ASSERT-06"], claims={"aud": [ISSUER]})
    base.add("good-more-claims", "accept", "other claims are allowed", ["JSVID-06", "JSVID-15"], claims={"jti": "a", "iss": "https://oidc.example", "example.com/x": {"a": [1]}})
    base.add("good-no-kid-one-key", "accept", "no `kid`, but only one key", ["JSVID-04"], header={"kid": ...}, jwks={"keys": [public(keys["issuer-es256"], use="jwt-svid")]})
    base.add("good-no-iat", "accept", "only `sub`, `aud` and `exp` are required", ["SPIFFECA-02"], claims={"iat": ...})
    base.add("good-exp-fraction", "accept", "a NumericDate may have a fraction (RFC 7519 section 2)", ["BCP-20"], claims={"exp": NOW + 300.5})
    base.add("good-rotation", "accept", "the older of two keys", ["JSVID-14"], header={"kid": "issuer-es256-old"}, key=keys["issuer-es256-old"],
             jwks={"keys": [public(keys[name], use="jwt-svid") for name in ("issuer-es256", "issuer-es256-old")]})


def uses(base, keys):
    for use in ["wit-svid", "x509-svid", "sig", "JWT-SVID", None]:
        base.add(f"use-{(use or 'missing').lower()}" + ("-upper-case" if use == "JWT-SVID" else ""), "key", f"the key's `use` is {use}", ["JSVID-14", "SPIFFECA-04", "BUNDLE-06"],
                 jwks={"keys": [public(keys["issuer-es256"], use=use)]}, attacks=["F17"])
    foreign = {"keys": [public(keys["other-es256"], use="jwt-svid")]}
    base.add("trust-domain-key-of-another", "key", "signed with the key of another trust domain, whose `kid` is not in this bundle", ["SID-08", "SPIFFECA-04", "BUNDLE-01"], also=["signature"],
             header={"kid": "other-es256"}, key=keys["other-es256"], attacks=["F17"])
    base.add("trust-domain-other-subject", "identifier", "this bundle's key signs for another trust domain", ["SID-08", "WID-21", "SPIFFECA-04"],
             claims={"sub": "spiffe://other.example/agent/planner"}, attacks=["F17", "W3", "W7"])
    base.add("trust-domain-not-ours", "identifier", "the verifier trusts only another domain", ["SID-08", "WID-21"], trust_domain="other.example", jwks=foreign, also=["key"], attacks=["F17"])


def types(base):
    base.add("typ-missing", "accept", "`typ` may be absent", ["JSVID-05", "ASSERT-07"], header={"typ": ...})
    base.add("typ-jose", "accept", "`typ` may be `JOSE`", ["JSVID-05"], header={"typ": "JOSE"})
    for typ in TYPES:
        if typ not in ("JWT", "JOSE", "client-authentication+jwt"):
            base.add(f"typ-{typ.replace('+', '-')}", "typ", f"`typ` is `{typ}`", ["JSVID-05", "BCP-13", "SPIFFECA-16"], header={"typ": typ}, attacks=["F01", "F28"])
    base.add("typ-number", "malformed", "`typ` is a number", ["JSVID-05"], also=["typ"], header={"typ": 1})


def algorithms(base, keys):
    jwks = {"keys": [public(keys["issuer-ed25519"], use="jwt-svid")]}
    for alg in ["EdDSA", "Ed25519"]:
        base.add(f"algorithm-{alg.lower()}", "algorithm", f"{alg} is not one of the nine, though the signature is right", ["JSVID-03", "SPIFFECA-16"],
                 header={"alg": alg, "kid": "issuer-ed25519"}, key=keys["issuer-ed25519"], algorithm=alg, jwks=jwks)
    base.add("algorithm-eddsa-expired", "algorithm", "`alg` comes before everything else, even the expiry", ["JSVID-11"], header={"alg": "EdDSA", "kid": "issuer-ed25519"},
             claims={"exp": NOW - 3600}, key=keys["issuer-ed25519"], algorithm="EdDSA", jwks=jwks)


def times(base):
    rules, attacks = ["JSVID-10", "SPIFFECA-02"], ["F35"]
    base.add("exp-missing", "claim", "no `exp`", rules, claims={"exp": ...}, attacks=["F32"])
    jose.add_wrong_numbers(base, "exp", rules)
    jose.add_wrong_numbers(base, "nbf", ["ASSERT-05"])
    jose.add_wrong_numbers(base, "iat", ["ASSERT-05"])
    base.add("time-expired", "time", "expired a minute and some ago", rules, claims={"exp": NOW - 63}, attacks=attacks)
    base.add("time-expired-long-ago", "time", "expired yesterday", rules, claims={"exp": NOW - 86400}, attacks=attacks)
    base.add("time-in-leeway", "accept", "expired less than the leeway ago", rules, claims={"exp": NOW - 57})
    base.add("time-not-yet", "time", "`nbf` is ahead of the leeway", ["ASSERT-05"], claims={"nbf": NOW + 63}, attacks=attacks)
    base.add("time-nbf-in-leeway", "accept", "`nbf` is ahead by less than the leeway", ["ASSERT-05"], claims={"nbf": NOW + 57})


def audiences(base):
    rules = ["JSVID-08", "SPIFFECA-03", "ASSERT-06", "BCP-09"]
    for slug, value, notes in [
        ("other", "https://other.example", "another service"), ("token-endpoint", ISSUER + "/token", "the token endpoint instead of the issuer"),
        ("trailing-slash", ISSUER + "/", "a trailing slash"), ("upper-case", "https://STS.example", "other letter case"), ("prefix", "https://sts.exampl", "a prefix"),
        ("longer", ISSUER + ".evil.example", "our name and more"), ("default-port", "https://sts.example:443", "the default port spelled out"),
        ("empty-list", [], "an empty list"), ("empty", "", "an empty string"), ("two", [ISSUER, "https://other.example"], "two audiences: whoever is the other could replay it here"),
        ("two-ours-last", ["https://other.example", ISSUER], "two audiences, ours last"), ("twice-ours", [ISSUER, ISSUER], "our name twice is not a single value"),
        ("space", ISSUER + " ", "a trailing space"),
    ]:
        also = {"empty-list": ["claim"], "empty": ["claim"], "twice-ours": ["claim"]}.get(slug, [])
        base.add(f"audience-{slug}", "audience", notes, rules, also=also, claims={"aud": value}, attacks=["F16"])
    for slug, value in [("missing", ...), ("null", None), ("number", 5), ("object", {"a": ISSUER}), ("mixed", [ISSUER, 5])]:
        base.add(f"audience-{slug}", "claim", "`aud` is missing or of the wrong type", rules, also=["audience", "malformed"], claims={"aud": value}, attacks=["F16"])


def identifiers(base):
    rules, attacks = ["JSVID-07", "WID-03", "SID-01"], ["F13"]
    for slug, value in [
        ("trust-domain", "spiffe://prod.example"), ("slash", "spiffe://prod.example/"), ("trailing-slash", "spiffe://prod.example/agent/"), ("dot-segments", "spiffe://prod.example/agent/../admin"),
        ("percent", "spiffe://prod.example/agent/%70lanner"), ("percent-dots", "spiffe://prod.example/agent/%2e%2e/admin"), ("upper-case-domain", "spiffe://PROD.example/agent/planner"),
        ("upper-case-scheme", "SPIFFE://prod.example/agent/planner"), ("port", "spiffe://prod.example:443/agent"), ("userinfo", "spiffe://a@prod.example/agent"), ("query", "spiffe://prod.example/agent?x=1"),
        ("fragment", "spiffe://prod.example/agent#x"), ("https", "https://prod.example/agent/planner"), ("wimse", "wimse://prod.example/agent/planner"), ("plain", "planner"), ("empty", ""),
        ("look-alike", "spiffe://prod.ex\u0430mple/agent/planner"), ("line-feed", "spiffe://prod.example/agent\nplanner"), ("suffix-domain", "spiffe://prod.example.evil.example/agent"),
        ("too-long", "spiffe://prod.example/" + "a" * 4096),
    ]:
        more = {"percent": ["W1"], "wimse": ["W2"], "dot-segments": ["W5"], "percent-dots": ["W6"], "trust-domain": ["W8"], "slash": ["W8"]}.get(slug, [])
        base.add(f"subject-{slug}", "identifier", f"`sub` is not an identifier of this trust domain: {slug}", rules, also=["claim"], claims={"sub": value}, attacks=[*attacks, *more])
    for slug, value in [("missing", ...), ("null", None), ("array", ["spiffe://prod.example/agent/planner"]), ("number", 1)]:
        base.add(f"subject-{slug}", "claim", "`sub` is missing or of the wrong type", rules, also=["identifier", "malformed"], claims={"sub": value}, attacks=attacks)
