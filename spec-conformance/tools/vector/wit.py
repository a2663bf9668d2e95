"""Workload identity tokens (WIMSE workload credentials, SPIFFE WIT-SVID)."""

import json
import os
import pathlib

from . import jose, sign
from .keys import bare, public
from .set import NOW, TYPES, Set
from .svid import NINE, bundle

REASONS = ["malformed", "typ", "algorithm", "key", "signature", "claim", "time", "audience", "identifier", "cnf"]


def build(keys):
    jwks = bundle(keys, "wit-svid")
    jwks["keys"].append(public(keys["issuer-ed25519"], use="wit-svid"))
    vectors = Set("wit", REASONS, profile="wit", origin="spiffe://prod.example", trust_domain="prod.example", jwks=jwks)
    cnf = {"jwk": {**bare(keys["agent-es256"]), "alg": "ES256"}}
    header = {"typ": "wit+jwt", "alg": "ES256", "kid": "issuer-es256"}
    claims = {"iss": "spiffe://prod.example/token-service", "sub": "spiffe://prod.example/agent/planner", "exp": NOW + 3600, "iat": NOW, "jti": "x-_1CTL2cca3CSE4cwb_l", "cnf": cnf}
    base = jose.Base(vectors, "token", header, claims, keys["issuer-es256"], ["WIT-34", "WIT-37"])
    positive(base, keys)
    jose.add_common(base)
    jose.add_key_selection(base, keys, "wit-svid")
    selection(base, keys)
    types(base)
    times(base)
    subjects(base)
    confirmations(base, keys)
    svid_profile(base, keys)
    published(base)
    return vectors


def positive(base, keys):
    for alg, name in [*NINE.items(), ("EdDSA", "issuer-ed25519"), ("Ed25519", "issuer-ed25519")]:
        base.add(f"good-{alg.lower()}", "accept", f"a good WIT, {alg}", ["WIT-10", "WIT-13", "WIT-24"], header={"alg": alg, "kid": name}, key=keys[name], algorithm=alg, needs=[alg])
    for alg, name in [("EdDSA", "agent-ed25519"), ("ES384", "agent-es384"), ("PS256", "agent-rsa")]:
        base.add(f"good-cnf-{alg.lower()}", "accept", f"the workload's key is for {alg}", ["WIT-21", "WIT-22"], claims={"cnf": {"jwk": {**bare(keys[name]), "alg": alg}}}, needs=[alg])
    base.add("good-minimal", "accept", "only `sub`, `exp` and `cnf`", ["WIT-15", "WIT-20"], claims={"iss": ..., "iat": ..., "jti": ...})
    base.add("good-more-claims", "accept", "claims that are not understood are ignored", ["WIT-31", "WSVID-18"], claims={"example.com/x": {"a": [1]}})
    base.add("good-other-iss", "accept", "`iss` is for the audit only", ["WIT-16"], claims={"iss": "https://elsewhere.example"})
    base.add("good-rotation", "accept", "the older of two keys", ["WIT-08"], header={"kid": "issuer-es256-old"}, key=keys["issuer-es256-old"],
             jwks={"keys": [public(keys[name], use="wit-svid") for name in ("issuer-es256", "issuer-es256-old")]})
    base.add("good-no-kid-one-key", "accept", "no `kid`, but only one key", ["WIT-09"], header={"kid": ...}, jwks={"keys": [public(keys["issuer-es256"], use="wit-svid")]})
    base.add("good-extra-cnf-member", "accept", "unknown members of `cnf` are ignored", ["CNF-02"], claims={"cnf": {**base.claims["cnf"], "example.com/x": 1}})


def selection(base, keys):
    for use in ["jwt-svid", "x509-svid", "sig"]:
        base.add(f"use-{use}", "key", f"the key's `use` is {use}", ["WSVID-25", "BUNDLE-06"], jwks={"keys": [public(keys["issuer-es256"], use=use)]}, attacks=["F17"])
    base.add("trust-domain-other-subject", "identifier", "this domain's key signs for another", ["WIT-04", "WIT-07", "SID-08"], claims={"sub": "spiffe://other.example/agent/planner"}, attacks=["F17", "W3"])
    base.add("origin-other-scheme", "identifier", "an issuer trusted for `spiffe://` signs a `wimse://` identifier of the same name", ["WIT-04", "WIT-48"], claims={"sub": "wimse://prod.example/agent/planner"}, attacks=["W2"])
    base.add("origin-same-path", "identifier", "the right path in the wrong trust domain", ["WIT-46", "WID-09"], claims={"sub": "spiffe://attacker.example/agent/planner"}, attacks=["W7"])


def types(base):
    for typ in TYPES:
        if typ != "wit+jwt":
            base.add(f"typ-{typ.lower().replace('+', '-')}", "typ", f"`typ` is `{typ}`", ["WIT-14", "WIT-36", "WSVID-04", "BCP-13"], header={"typ": typ}, attacks=["F01"])
    base.add("typ-missing", "typ", "no `typ`", ["WIT-14", "WIT-36"], header={"typ": ...}, attacks=["F01"])


def times(base):
    rules, attacks = ["WIT-18", "WSVID-12"], ["F35"]
    base.add("exp-missing", "claim", "no `exp`", rules, claims={"exp": ...}, attacks=["F32"])
    jose.add_wrong_numbers(base, "exp", rules)
    jose.add_wrong_numbers(base, "nbf", ["WSVID-13"])
    base.add("time-expired", "time", "expired a minute and some ago", rules, claims={"exp": NOW - 63}, attacks=attacks)
    base.add("time-in-leeway", "accept", "expired less than the leeway ago", rules, claims={"exp": NOW - 57})
    base.add("time-not-yet", "time", "`nbf` is ahead", ["WSVID-13"], claims={"nbf": NOW + 63}, attacks=attacks)
    base.add("time-iat-ahead", "accept", "`iat` never delays the first use", ["WSVID-15"], claims={"iat": NOW + 200})


def subjects(base):
    rules, attacks = ["WIT-01", "WIT-17", "WIT-35"], ["F13"]
    for slug, value, attack in [
        ("trust-domain", "spiffe://prod.example", "W8"), ("slash", "spiffe://prod.example/", "W8"), ("dot-segments", "spiffe://prod.example/agent/../admin", "W5"), ("percent", "spiffe://prod.example/agent/%70lanner", "W1"),
        ("percent-dots", "spiffe://prod.example/agent/%2e%2e/admin", "W6"), ("upper-case", "spiffe://Prod.example/agent", "W1"), ("port", "spiffe://prod.example:8443/a", "W1"), ("userinfo", "spiffe://a@prod.example/a", "W1"),
        ("query", "spiffe://prod.example/a?b", "W1"), ("fragment", "spiffe://prod.example/a#b", "W1"), ("urn", "urn:example:a", "W7"), ("empty", "", "W8"), ("double-slash", "spiffe://prod.example//agent", "W1"),
    ]:
        base.add(f"subject-{slug}", "identifier", f"`sub` is not a canonical identifier: {slug}", rules, also=["claim"], claims={"sub": value}, attacks=[*attacks, attack])
    for slug, value in [("missing", ...), ("null", None), ("array", ["spiffe://prod.example/a"]), ("object", {"id": "spiffe://prod.example/a"})]:
        base.add(f"subject-{slug}", "claim", "`sub` is missing or of the wrong type", ["WIT-17", "WIT-35"], also=["identifier", "malformed"], claims={"sub": value}, attacks=attacks)


def confirmations(base, keys):
    own = bare(keys["agent-es256"])
    rsa = keys["agent-rsa"]
    named = {**own, "alg": "ES256"}
    rules = ["WIT-21", "WSVID-08"]
    for slug, value in [
        ("missing", ...), ("null", None), ("string", "key"), ("array", [{"jwk": named}]), ("empty", {}), ("only-unknown", {"example.com/x": 1}), ("jkt", {"jkt": "0ZcOCORZNYy-DWpqq30jZyJGHTN0d2HglBV3uiguA4I"}),
        ("kid", {"kid": "a"}), ("jwk-null", {"jwk": None}), ("jwk-array", {"jwk": [named]}), ("jwk-empty", {"jwk": {}}),
    ]:
        base.add(f"cnf-{slug}", "cnf", f"`cnf` does not hold one public key: {slug}", rules, also=["claim", "malformed"], claims={"cnf": value}, attacks=["F08"])
    rules = ["CNF-02", "CNF-04"]
    base.add("cnf-jwk-and-jku", "cnf", "`jwk` and `jku`", rules, claims={"cnf": {"jwk": named, "jku": "https://attacker.example/keys"}})
    base.add("cnf-jwk-and-jwe", "cnf", "`jwk` and `jwe`", rules, claims={"cnf": {"jwk": named, "jwe": "a.b.c.d.e"}})
    base.add("cnf-jku-only", "cnf", "only a `jku`", rules, claims={"cnf": {"jku": "https://attacker.example/keys"}})
    rules = ["WIT-22", "WIT-38", "WIT-23"]
    for slug, alg in [("missing", ...), ("none", "none"), ("hs256", "HS256"), ("ecdh", "ECDH-ES"), ("key-wrap", "A128KW"), ("rsa-oaep", "RSA-OAEP"), ("number", 256), ("null", None), ("lower-case", "es256"), ("empty", "")]:
        base.add(f"cnf-alg-{slug}", "cnf", "`cnf.jwk.alg` is missing or not a signature algorithm", rules, also=["malformed"], claims={"cnf": {"jwk": jose.edit(own, {"alg": alg})}}, attacks=["F20"])
    base.add("cnf-alg-other-key", "cnf", "`cnf.jwk.alg` does not fit the key", rules, claims={"cnf": {"jwk": {**own, "alg": "RS256"}}}, attacks=["F20"])
    base.add("cnf-alg-other-curve", "cnf", "`ES384` for a P-256 key", rules, claims={"cnf": {"jwk": {**own, "alg": "ES384"}}}, attacks=["F20"])
    rules = ["CNF-03"]
    base.add("cnf-private-ec", "cnf", "the workload's private key is inside", rules, claims={"cnf": {"jwk": {**named, "d": keys["agent-es256"]["d"]}}}, attacks=["F20"])
    base.add("cnf-private-rsa", "cnf", "the workload's private exponent is inside", rules, claims={"cnf": {"jwk": {**bare(rsa), "alg": "RS256", "d": rsa["d"]}}}, attacks=["F20"])
    base.add("cnf-oct", "cnf", "a symmetric key in the clear", rules, claims={"cnf": {"jwk": {"kty": "oct", "k": "AAAAAAAAAAAAAAAAAAAAAA", "alg": "HS256"}}}, attacks=["F20"])
    base.add("cnf-off-curve", "cnf", "the point is not on the curve", ["BCP-05"], also=["key"], claims={"cnf": {"jwk": {**named, "y": own["x"]}}}, attacks=["F20"])
    base.add("cnf-coordinate-loose", "cnf", "`x` in another spelling", ["THUMB-02"], also=["malformed"], claims={"cnf": {"jwk": {**named, "x": sign.other_last_character(own["x"])}}}, attacks=["F27"])
    raw = jose.text(jose.edit(base.claims, {"cnf": ...}), '"cnf":{"jwk":' + jose.text(named, f'"alg":"ES256"').decode() + "}")
    base.add("cnf-duplicate-member", "malformed", "`alg` twice inside `cnf.jwk`", ["BCP-19"], also=["cnf"], claims=raw, attacks=["F31"])
    raw = jose.text(base.claims, '"cnf":' + sign.compact(base.claims["cnf"]).decode())
    base.add("cnf-twice", "malformed", "`cnf` twice", ["BCP-19"], also=["cnf"], claims=raw, attacks=["F31"])


def svid_profile(base, keys):
    strict = dict(profile="wit-svid")
    base.add("svid-good", "accept", "a good WIT-SVID", ["WSVID-01", "WSVID-19"], **strict)
    base.add("svid-eddsa", "algorithm", "EdDSA is right for a WIT and wrong for a WIT-SVID", ["WSVID-05"], header={"alg": "EdDSA", "kid": "issuer-ed25519"}, key=keys["issuer-ed25519"], **strict)
    base.add("svid-cnf-eddsa", "cnf", "an EdDSA key is right for a WIT and wrong for a WIT-SVID", ["WSVID-09"], claims={"cnf": {"jwk": {**bare(keys["agent-ed25519"]), "alg": "EdDSA"}}}, **strict)
    base.add("svid-no-kid", "key", "`kid` is required even with one key", ["WSVID-02"], also=["malformed"], header={"kid": ...}, jwks={"keys": [public(keys["issuer-es256"], use="wit-svid")]}, **strict)
    base.add("svid-audience", "audience", "`aud` must not be present", ["WSVID-17"], also=["claim"], claims={"aud": "https://sts.example"}, **strict)


def published(base):
    """Copies of published examples; needs the directory of collected vectors, else keeps what is there."""
    root = os.environ.get("PUBLISHED_VECTORS")
    target = pathlib.Path(__file__).resolve().parents[2] / "vectors" / "wit.json"
    if root is None:
        for vector in json.loads(target.read_text())["vectors"] if target.exists() else []:
            if "/published-" in vector["id"]:
                base.vectors.vectors.append(vector)
        return
    for name in ["current/wit-wpt02-es256-issuer-ed25519-cnf", "superseded/wit-creds00-02-s2s07", "superseded/wit-s2s05-06-old-typ", "unmerged/wit-full-pr157", "unmerged/wit-pr227"]:
        given = json.loads((pathlib.Path(root) / f"{name}.json").read_text())
        good = given["expect"]["profile"] == "accept"
        notes = given.get("notes", "published example") + " `use` was added to the key."
        base.add(f"published-{given['id']}", "accept" if good else "typ", notes, ["WIT-14", "WIT-37"], token=given["token"], now=given["verify_at"], origin=f"wimse://{given['trust_domain']}",
                 trust_domain=given["trust_domain"], jwks={"keys": [{**given["issuer_jwk"], "use": "wit-svid"}]}, source=given["source"], needs=["EdDSA"] if good else [])
    given = json.loads((pathlib.Path(root) / "spiffe-spec/wit-svid-appendix-a.json").read_text())
    base.add("published-wit-svid-appendix-a", "key", "The issuer's key was never published, so nothing can verify it: unknown key.", ["WSVID-19"], token=given["token"], now=given["verify_at"],
             origin="spiffe://example.com", trust_domain="example.com", source=given["source"], profile="wit-svid")
