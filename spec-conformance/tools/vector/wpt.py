"""Workload proof tokens (draft-ietf-wimse-wpt-02), alone and in the request that carries them."""

import json
import os
import pathlib

from . import jose, sign
from .keys import bare, public
from .set import NOW, TYPES, Set

URI = "https://api.example/calendar"
REASONS = ["malformed", "typ", "algorithm", "key", "signature", "claim", "time", "audience", "wit", "token", "ath", "transport"]
KEYS = {
    "ES256": "agent-es256", "ES384": "agent-es384", "ES512": "agent-es512", "RS256": "agent-rsa", "RS384": "agent-rsa", "RS512": "agent-rsa",
    "PS256": "agent-rsa", "PS384": "agent-rsa", "PS512": "agent-rsa", "EdDSA": "agent-ed25519", "Ed25519": "agent-ed25519",
}
TXN_TOKEN = "eyJhbGciOiJFUzI1NiJ9.eyJ0eG4iOiIxIn0.c2ln"
SUB = "wimse://prod.example/agent/planner"


def confirmation(keys, alg):
    """What `cnf.jwk` of a WIT is: the workload's public key with its one algorithm."""
    return {**bare(keys[KEYS[alg]]), "alg": alg}


def credential(keys, alg, now=NOW):
    """A good WIT for the key of `alg`. Its identifier is a `wimse` one, so that every algorithm is allowed."""
    header = {"typ": "wit+jwt", "alg": "ES256", "kid": "issuer-es256"}
    claims = {"iss": "wimse://prod.example/token-service", "sub": SUB, "exp": now + 3600, "iat": now, "jti": "x-_1CTL2cca3CSE4cwb_l", "cnf": {"jwk": confirmation(keys, alg)}}
    return sign.jws(header, claims, keys["issuer-es256"])


def trust(keys):
    """The keys of the trust domain."""
    return {"keys": [public(keys["issuer-es256"], use="wit-svid")]}


def build(keys):
    wit = credential(keys, "ES256")
    vectors = Set("wpt", REASONS, wit=wit, jwks=trust(keys), uri=URI, algorithms=list(KEYS))
    header = {"typ": "wpt+jwt", "alg": "ES256"}
    claims = {"aud": URI, "exp": NOW + 120, "iat": NOW, "jti": "__bwc4ESC3acc2LTC1-_x", "wth": sign.ath(wit)}
    base = jose.Base(vectors, "proof", header, claims, keys["agent-es256"], ["WPT-16", "WPT-18"])
    positive(base, keys)
    jose.add_common(base)
    header_keys(base, keys)
    types(base)
    claim_set(base)
    times(base)
    audiences(base)
    hashes(base, keys)
    published(base)
    return vectors


def positive(base, keys):
    for alg, name in KEYS.items():
        wit = credential(keys, alg)
        base.add(f"good-{alg.lower()}", "accept", f"a good proof, {alg}", ["WPT-04", "WPT-17", "WPT-18", "WIT-24"], header={"alg": alg}, claims={"wth": sign.ath(wit)}, key=keys[name], algorithm=alg, wit=wit, needs=[alg])
    base.add("good-minimal", "accept", "only the claims that are required", ["WPT-07", "WPT-08"], claims={"iat": ...})
    base.add("good-more-claims", "accept", "claims that are not understood are ignored", ["WPT-33", "WPT-13"], claims={"example.com/x": {"a": [1]}, "ath": sign.ath("token")})
    base.add("good-kid", "accept", "a `kid` selects nothing: the WIT has the key", ["WPT-18"], header={"kid": "anything"})
    other = credential(keys, "EdDSA")
    base.add("algorithm-eddsa-for-ed25519", "algorithm", "`Ed25519` in the proof, `EdDSA` in `cnf.jwk.alg`: one signature, two names", ["WPT-17", "WPT-04"], header={"alg": "Ed25519"}, claims={"wth": sign.ath(other)},
             key=keys["agent-ed25519"], algorithm="Ed25519", wit=other)
    other = credential(keys, "RS256")
    base.add("algorithm-other-of-the-key", "algorithm", "`PS256` by an RSA key whose `cnf.jwk.alg` is `RS256`", ["WPT-17", "WPT-04"], header={"alg": "PS256"}, claims={"wth": sign.ath(other)}, key=keys["agent-rsa"],
             algorithm="PS256", wit=other, attacks=["F30"])
    base.add("algorithm-not-allowed", "algorithm", "a good ES256 proof where only PS256 is allowed", ["WPT-17", "BCP-01"], algorithms=["PS256"])


def header_keys(base, keys):
    base.add("key-embedded", "malformed", "signed by a key that the header brings along", ["WPT-18", "BCP-11"], also=["signature"], header={"jwk": bare(keys["other-es256"])}, key=keys["other-es256"], attacks=["F33"])
    base.add("key-embedded-good", "malformed", "a `jwk` is refused even when it is the right one", ["WPT-18", "BCP-11"], header={"jwk": bare(base.key)}, attacks=["F33"])
    base.add("key-other", "signature", "signed by another key than the WIT's", ["WPT-18"], key=keys["other-es256"], attacks=["F21"])
    base.add("key-issuer", "signature", "signed by the key that signed the WIT", ["WPT-18"], key=keys["issuer-es256"], attacks=["F21"])


def types(base):
    for typ in TYPES:
        if typ != "wpt+jwt":
            base.add(f"typ-{typ.lower().replace('+', '-')}", "typ", f"`typ` is `{typ}`", ["WPT-05", "WPT-19", "BCP-13"], header={"typ": typ}, attacks=["F01"])
    base.add("typ-old", "typ", "`typ` of earlier drafts", ["WPT-05", "WPT-19"], header={"typ": "wimse-proof+jwt"})
    base.add("typ-missing", "typ", "no `typ`", ["WPT-05", "WPT-19"], header={"typ": ...}, attacks=["F01"])
    base.add("typ-prefix", "accept", "`application/` may be spelled out", ["WPT-05"], header={"typ": "application/wpt+jwt"})


def claim_set(base):
    for slug, value in [("missing", ...), ("null", None), ("number", 1), ("empty", ""), ("array", ["a"]), ("control", "a\nb"), ("long", "j" * 300)]:
        base.add(f"jti-{slug}", "claim", f"`jti` is no name: {slug}", ["WPT-08"], claims={"jti": value}, attacks=["F23"])


def times(base):
    base.add("exp-missing", "claim", "no `exp`", ["WPT-07", "WPT-21", "WPT-38"], claims={"exp": ...}, attacks=["F32"])
    jose.add_wrong_numbers(base, "exp", ["WPT-21"])
    jose.add_wrong_numbers(base, "iat", ["WPT-38"])
    jose.add_wrong_numbers(base, "nbf", ["WPT-38"])
    for slug, claims, expect, notes in [
        ("expired", {"exp": NOW - 3, "iat": NOW - 60}, "time", "`exp` is past; there is no leeway"),
        ("expired-long-ago", {"exp": NOW - 3600, "iat": NOW - 3700}, "time", "`exp` is long past"),
        ("last-moment", {"exp": NOW + 3}, "accept", "`exp` is in three seconds"),
        ("longest", {"exp": NOW + 298}, "accept", "`exp` is nearly five minutes ahead"),
        ("longest-of-a-fast-clock", {"exp": NOW + 327, "iat": NOW + 27}, "accept", "five minutes by a clock that is half a minute ahead"),
        ("too-long", {"exp": NOW + 333}, "time", "`exp` is too far ahead"),
        ("an-hour", {"exp": NOW + 3600}, "time", "`exp` is an hour ahead"),
        ("for-ever", {"exp": 9007199254740991}, "time", "`exp` is 2^53 - 1"),
        ("iat-ahead", {"iat": NOW + 33}, "time", "`iat` is more than half a minute ahead"),
        ("nbf-ahead", {"nbf": NOW + 33}, "time", "`nbf` is more than half a minute ahead"),
        ("nbf-near", {"nbf": NOW + 27}, "accept", "`nbf` is less than half a minute ahead"),
    ]:
        base.add(f"time-{slug}", expect, notes, ["WPT-07", "WPT-21", "WPT-22", "WPT-38"], claims=claims, attacks=["F35"] if expect == "time" else [])


def audiences(base):
    rules = ["WPT-20", "WPT-40", "WPT-06"]
    for slug, value in [("scheme-case", "HTTPS://api.example/calendar"), ("host-case", "https://API.Example/calendar"), ("default-port", "https://api.example:443/calendar"), ("query", URI + "?x=1"), ("fragment", URI + "#x"), ("array-of-one", [URI])]:
        base.add(f"audience-{slug}", "accept", f"`{value}` names `{URI}`", rules, claims={"aud": value})
    for slug, value in [
        ("path", "https://api.example/mail"), ("host", "https://evil.example/calendar"), ("scheme", "http://api.example/calendar"), ("port", "https://api.example:8443/calendar"), ("slash", URI + "/"), ("path-case", "https://api.example/Calendar"),
        ("origin", "https://api.example"), ("prefix", "https://api.example/cal"), ("path-only", "/calendar"), ("userinfo", "https://api.example@evil.example/calendar"), ("own-userinfo", "https://u@api.example/calendar"), ("urn", "urn:example:calendar"),
        ("identifier", "wimse://prod.example/server/calendar"),
    ]:
        base.add(f"audience-not-{slug}", "audience", f"`aud` is `{value}`", [*rules, "WPT-41", "WPT-42"], claims={"aud": value}, attacks=["F22"])
    for slug, value in [("missing", ...), ("null", None), ("number", 1), ("empty", ""), ("empty-array", []), ("two", [URI, "https://other.example/"]), ("twice", [URI, URI])]:
        base.add(f"audience-{slug}", "claim", "`aud` is not one string", rules, also=["audience"], claims={"aud": value})


def hashes(base, keys):
    good = base.claims["wth"]
    rules = ["WPT-09", "WPT-23"]
    other = credential(keys, "ES256", NOW + 1)
    base.add("wth-other-wit", "wit", "the same key in another WIT", rules, wit=other)
    for slug, value in [("padded", good + "="), ("loose", sign.other_last_character(good)), ("empty", ""), ("hex", sign.unb64u(good).hex()), ("case", good.swapcase())]:
        base.add(f"wth-{slug}", "wit", f"`wth` is not the hash: {slug}", rules, claims={"wth": value})
    for slug, value in [("missing", ...), ("null", None), ("number", 1), ("array", [good])]:
        base.add(f"wth-{slug}", "claim", f"`wth` is not there or no string: {slug}", rules, also=["wit"], claims={"wth": value})

    rules = ["WPT-10", "WPT-25"]
    base.add("tth-good", "accept", "a transaction token, covered", rules, claims={"tth": sign.ath(TXN_TOKEN)}, transaction_token=TXN_TOKEN)
    base.add("tth-missing", "token", "a transaction token, not covered", rules, transaction_token=TXN_TOKEN)
    base.add("tth-other", "token", "another transaction token", rules, claims={"tth": sign.ath("other")}, transaction_token=TXN_TOKEN)
    base.add("tth-alone", "token", "`tth` and no transaction token", rules, claims={"tth": sign.ath(TXN_TOKEN)})
    base.add("tth-null", "claim", "`tth` is null", rules, claims={"tth": None})

    rules = ["WPT-11", "WPT-26", "WPT-27"]
    one = {"x-custom-token": "some-example-other-token"}
    two = {**one, "x-user": "alice"}
    of = lambda tokens: {name: sign.ath(value) for name, value in tokens.items()}
    for slug, expect, members, tokens, notes in [
        ("good", "accept", of(one), one, "one other token, covered"),
        ("good-two", "accept", of(two), two, "two other tokens, covered"),
        ("empty", "accept", {}, None, "no other token, an empty `oth`"),
        ("missing", "token", ..., one, "an other token, not covered"),
        ("one-of-two", "token", of(one), two, "one of two is not covered"),
        ("other-value", "token", {"x-custom-token": sign.ath("other")}, one, "the hash of another value"),
        ("not-there", "token", of(two), one, "`oth` names a field that the request does not have, or that nobody knows"),
        ("nothing-there", "token", of(one), None, "`oth` names a field and there is none"),
        ("swapped", "token", {"x-custom-token": sign.ath("alice"), "x-user": sign.ath(one["x-custom-token"])}, two, "the right hashes under the wrong names"),
        ("upper-case", "token", {"X-Custom-Token": sign.ath(one["x-custom-token"])}, one, "a name that is not in lower case"),
        ("not-trimmed", "token", {"x-custom-token": sign.ath(" some-example-other-token ")}, one, "hashed with the white space around it"),
    ]:
        base.add(f"oth-{slug}", expect, notes, rules, claims={"oth": members}, other_tokens=tokens)
    for slug, value in [("null", None), ("array", []), ("string", "x-user"), ("number-inside", {"x-custom-token": 1}), ("object-inside", {"x-custom-token": {}})]:
        base.add(f"oth-{slug}", "claim", f"`oth` is not an object of strings: {slug}", rules, claims={"oth": value}, other_tokens=one)
    raw = jose.text(base.claims, '"oth":{"x-custom-token":"%s","x-custom-token":"%s"}' % ((sign.ath(one["x-custom-token"]),) * 2))
    base.add("oth-twice", "malformed", "a name twice in `oth`", ["WPT-12", "BCP-19"], claims=raw, other_tokens=one, attacks=["F31"])
    base.add("oth-many", "claim", "a thousand members", rules, claims={"oth": {f"x-{n}": "" for n in range(1000)}}, attacks=["F37"])

    rules = ["WPT-13", "WPT-03"]
    base.add("ath-good", "accept", "the transport of wpt-00 and -01: the access token beside the proof is covered", rules, claims={"ath": sign.ath("access")}, access_token="access")
    base.add("ath-missing", "ath", "the transport of wpt-00 and -01: the access token is not covered", rules, access_token="access")
    base.add("ath-other", "ath", "the transport of wpt-00 and -01: another access token", rules, claims={"ath": sign.ath("other")}, access_token="access")


def given_by(root, name):
    return json.loads((pathlib.Path(root) / f"{name}.json").read_text())


def kept(kind):
    """The published vectors that are in the file already."""
    target = pathlib.Path(__file__).resolve().parents[2] / "vectors" / f"{kind}.json"
    return [vector for vector in json.loads(target.read_text())["vectors"] if "/published-" in vector["id"]] if target.exists() else []


def published(base):
    """Copies of published proofs, judged as wpt-02 has it; needs the directory of collected vectors, else keeps what is there."""
    root = os.environ.get("PUBLISHED_VECTORS")
    if root is None:
        base.vectors.vectors.extend(kept("wpt"))
        return
    for name, expect, legacy in [
        ("current/wpt02-eddsa", "accept", False), ("superseded/wpt-00-01-with-ath", "accept", False), ("superseded/wpt-00-01-with-ath", "accept", True), ("superseded/wpt-s2s05-06-old-typ", "typ", False),
        ("unmerged/wpt-oth-pr227", "accept", False), ("unmerged/wpt-full-pr157", "typ", False), ("unmerged/wpt-thin-pr157", "typ", False),
    ]:
        given = given_by(root, name)
        assert (given["expect"]["profile"] == "accept") == (expect == "accept") and given["expect"]["signature"] == "valid"
        cnf = json.loads(sign.unb64u(given["wit"].split(".")[1]))["cnf"]["jwk"]
        base.add(f"published-{given['id']}{'-legacy' if legacy else ''}", expect, given.get("notes", "published example"), ["WPT-09", "WPT-18", *(["WPT-13", "WPT-03"] if legacy else []), *(["WPT-11"] if "oth" in given["claims"] else [])],
                 token=given["token"], now=given["verify_at"], uri=given["audience"], wit=given["wit"], jwks=None, cnf=cnf, other_tokens=given.get("other_tokens"), access_token=given["access_token"] if legacy else None,
                 source=given["source"], needs=["EdDSA"])


def requests(keys):
    """How the proof travels."""
    wit = credential(keys, "ES256")
    claims = {"aud": URI, "exp": NOW + 120, "iat": NOW, "jti": "__bwc4ESC3acc2LTC1-_x", "wth": sign.ath(wit)}
    make = lambda **changes: sign.jws({"typ": "wpt+jwt", "alg": "ES256"}, jose.edit(claims, changes), keys["agent-es256"])
    proof = make()
    vectors = Set("wpt-request", REASONS, jwks=trust(keys), uri=URI, algorithms=list(KEYS), token_fields=["x-custom-token", "x-user"])

    def add(slug, expect, rules, notes, *fields, **rest):
        request = {"method": "GET", "target": "/calendar", "headers": [["Host", "api.example"], *map(list, fields)]}
        vectors.add(slug, expect, rules, notes, request=request, **rest)

    identity, authorization = ("Workload-Identity-Token", wit), ("Authorization", f"WPT {proof}")
    rules = ["WPT-01", "WPT-02"]
    add("good", "accept", rules, "the two fields", identity, authorization)
    add("good-names-lower", "accept", rules, "field names have any case", ("workload-identity-token", wit), ("authorization", f"WPT {proof}"))
    for slug, value in [("lower", f"wpt {proof}"), ("mixed", f"wPt {proof}"), ("spaces", f"WPT    {proof}")]:
        add(f"scheme-{slug}", "accept", rules, "the scheme's case does not matter, and one space or several follow it", identity, ("Authorization", value))
    for slug, value in [
        ("tab", f"WPT\t{proof}"), ("no-space", f"WPT{proof}"), ("comma", f"WPT {proof}, WPT {proof}"), ("two", f"WPT {proof} {proof}"), ("nothing", "WPT"), ("quoted", f'WPT "{proof}"'), ("parameter", f"WPT proof={proof}"),
        ("bearer", f"Bearer {proof}"), ("dpop", f"DPoP {proof}"), ("bare", proof),
    ]:
        add(f"scheme-{slug}", "transport", ["WPT-02", "WPT-15"], "not `WPT`, a space and one token68", identity, ("Authorization", value), attacks=["F21"])
    add("credentials-case", "malformed", ["WPT-02"], "the credentials' case does matter", identity, ("Authorization", f"WPT {proof.swapcase()}"), also=["signature"])
    rules = ["WPT-15", "WPT-28", "WPT-29"]
    add("two-fields", "transport", rules, "two `Authorization` fields with one value", identity, authorization, authorization)
    add("bearer-beside", "transport", rules, "a bearer token beside the proof", identity, authorization, ("Authorization", "Bearer 16_mAd0GiwaZokU26_0902100"))
    add("bearer-before", "transport", rules, "a bearer token before the proof", identity, ("Authorization", "Bearer 16_mAd0GiwaZokU26_0902100"), authorization)
    add("proxy-authorization", "accept", ["WPT-31"], "`Proxy-Authorization` is another matter", identity, authorization, ("Proxy-Authorization", "Bearer x"))
    add("old-transport", "transport", ["WPT-03"], "the proof in the field of earlier drafts", identity, ("Workload-Proof-Token", proof))
    add("no-proof", "transport", ["WIT-25"], "a WIT alone", identity, attacks=["F21"])
    add("no-wit", "transport", ["WPT-23", "WIT-28"], "a proof alone", authorization)
    add("two-wits", "transport", ["WPT-23", "WIT-28"], "the WIT twice", identity, identity, authorization)
    add("wit-as-bearer", "transport", ["WIT-26", "WPT-36"], "the WIT as a bearer token", ("Authorization", f"Bearer {wit}"))
    add("wit-spaces", "accept", ["WIT-28", "WPT-09"], "white space around the WIT is not hashed", ("Workload-Identity-Token", f" {wit}\t"), authorization)
    rules = ["WPT-10", "WPT-25", "WPT-30"]
    add("txn-good", "accept", rules, "a transaction token, covered", identity, ("Txn-Token", TXN_TOKEN), ("Authorization", f"WPT {make(tth=sign.ath(TXN_TOKEN))}"))
    add("txn-uncovered", "token", rules, "a transaction token that somebody added", identity, ("Txn-Token", TXN_TOKEN), authorization)
    add("txn-twice", "transport", rules, "two transaction tokens", identity, ("Txn-Token", TXN_TOKEN), ("Txn-Token", "other"), ("Authorization", f"WPT {make(tth=sign.ath(TXN_TOKEN))}"))
    rules = ["WPT-11", "WPT-26", "WPT-27", "WPT-30"]
    covered = ("Authorization", f"WPT {make(oth={'x-custom-token': sign.ath('some-example-other-token')})}")
    add("oth-good", "accept", rules, "a token in a field of its own, covered", identity, ("X-Custom-Token", "some-example-other-token"), covered)
    add("oth-spaces", "accept", rules, "white space around the value is not hashed", identity, ("X-Custom-Token", "  some-example-other-token "), covered)
    add("oth-uncovered", "token", rules, "a token in a field of its own that somebody added", identity, ("X-Custom-Token", "some-example-other-token"), authorization)
    add("oth-added", "token", rules, "a second one that somebody added", identity, ("X-Custom-Token", "some-example-other-token"), ("X-User", "root"), covered)
    add("oth-twice", "transport", ["WPT-12"], "the field twice", identity, ("X-Custom-Token", "some-example-other-token"), ("X-Custom-Token", "other"), covered)
    add("oth-unknown-field", "accept", ["WPT-27"], "a field that nobody takes for a token", identity, authorization, ("X-Anything", "token"))
    add("oth-unknown-covered", "token", ["WPT-26"], "`oth` names a field that this verifier does not know", identity, ("X-Anything", "token"), ("Authorization", f"WPT {make(oth={'x-anything': sign.ath('token')})}"))
    published_requests(vectors)
    return vectors


def published_requests(vectors):
    root = os.environ.get("PUBLISHED_VECTORS")
    if root is None:
        vectors.vectors.extend(kept("wpt-request"))
        return
    for name in ["current/wpt02-http-request", *(f"superseded/wpt-{old}-http-request" for old in ("00-01", "s2s02", "s2s03", "s2s03-04")), "unmerged/wpt-oth-http-request-pr227"]:
        given = given_by(root, name)
        good = given["expect"]["profile_wpt_02"] == "accept"
        request = {name: given["request"][name] for name in ("method", "target", "headers")}
        notes = given.get("notes", "published example") + " `use` was added to the key."
        vectors.add(f"published-{given['id']}", "accept" if good else "transport", ["WPT-01", "WPT-15"] if good else ["WPT-03", "WPT-15"], notes, request=request, now=given["verify_at"] or 1745510000, uri=given["audience"],
                    jwks={"keys": [{**given["issuer_jwk"], "use": "wit-svid"}]}, source=given["source"], needs=["EdDSA"] if good else [])
