"""Key thumbprints (RFC 7638) and workload identifiers."""

import json
import os
import pathlib

from jwcrypto import jwk

from . import sign
from .jose import edit
from .keys import bare, public
from .set import Set

RFC7638 = {"kty": "RSA", "e": "AQAB", "alg": "RS256", "kid": "2011-04-29",
           "n": "0vx7agoebGcQSuuPiLJXZptN9nndrQmbXEps2aiAFbWhM78LhWx4cbbfAAtVT86zwu1RK7aPFFxuhDR1L6tSoc_BJECPebWKRXjBZCiFV4n3oknjhMstn64tZ_2W-5JsGY4Hc5n9yBXArwl93lqt7_RN5w6Cf0h4QyQ5v-65YGjQR0_FDW2QvzqY368QQMicAtaSqzs8KJZgnYb9c7d0zgdAZHzu6qMQvRL5hajrn1n91CbOpbISD08qNLyrdkt-bFTWhAI4vMQFh6WeZu0fM4lFd2NcRwr3XPksINHaQ-G_xBniIqbw0Ls1jF44-csFCur-kEgU8awapJzKnqDKgw"}
RFC9449 = {"kty": "EC", "crv": "P-256", "x": "l8tFrhx-34tV3hRICRDY9zCkDlpBhF42UQUfWVAWBFs", "y": "9VE4jf_Ok_o64zbTTlcuNJajHmt6v9TDVrU0CdvGRDA"}
RFC8037 = {"kty": "OKP", "crv": "Ed25519", "x": "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}


def thumbprint(keys):
    vectors = Set("thumbprint", ["key"])
    rules = ["THUMB-01"]

    def good(slug, key, notes, published=None, **rest):
        printed = jwk.JWK(**key).thumbprint()
        assert published in (None, printed), slug
        vectors.add(slug, "accept", rest.pop("rules", rules), notes, jwk=key, thumbprint=printed, **rest)

    rfc = lambda text: {"document": text, "licence": "IETF Trust Code Component (Revised BSD)"}
    good("rfc7638", RFC7638, "the RSA key of RFC 7638", "NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs", source=rfc("RFC 7638 section 3.1"))
    good("rfc9449", RFC9449, "the EC key of RFC 9449", "0ZcOCORZNYy-DWpqq30jZyJGHTN0d2HglBV3uiguA4I", source=rfc("RFC 9449 section 4.1"), rules=["THUMB-01", "DPOP-25"])
    good("rfc8037", RFC8037, "the Ed25519 key of RFC 8037", "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k", source=rfc("RFC 8037 appendix A.3"), needs=["EdDSA"])
    good("more-members", {**RFC9449, "kid": "a", "use": "sig", "alg": "ES256"}, "optional members do not count")
    for name, alg in [("agent-es384", "ES384"), ("agent-es512", "ES512"), ("agent-rsa", "RS256")]:
        good(name, public(keys[name]), f"a key for {alg}", needs=[alg])
    own, rsa = RFC9449, bare(keys["agent-rsa"])
    rules = ["THUMB-02"]
    bad = [
        ("x-padded", {**own, "x": own["x"] + "="}), ("x-loose", {**own, "x": sign.other_last_character(own["x"])}), ("x-leading-zero", {**own, "x": sign.b64u(b"\0" + sign.unb64u(own["x"]))}),
        ("x-short", {**own, "x": own["x"][:-4]}), ("x-missing", edit(own, {"x": ...})), ("y-missing", edit(own, {"y": ...})), ("x-number", {**own, "x": 1}), ("x-newline", {**own, "x": own["x"] + "\n"}),
        ("crv-missing", edit(own, {"crv": ...})), ("crv-unknown", {**own, "crv": "P-999"}), ("crv-other", {**own, "crv": "P-384"}), ("kty-missing", edit(own, {"kty": ...})), ("kty-case", {**own, "kty": "ec"}),
        ("n-leading-zero", {**rsa, "n": sign.b64u(b"\0" + sign.unb64u(rsa["n"]))}), ("e-leading-zero", {**rsa, "e": "AAEAAQ"}), ("e-one", {**rsa, "e": "AQ"}), ("e-even", {**rsa, "e": "Ag"}), ("n-missing", edit(rsa, {"n": ...})),
        ("okp-short", {**RFC8037, "x": RFC8037["x"][:-4]}), ("okp-loose", {**RFC8037, "x": sign.other_last_character(RFC8037["x"])}), ("off-curve", {**own, "y": own["x"]}), ("private", {**own, "d": "AAAA"}), ("oct", {"kty": "oct", "k": "AAAA"}),
    ]
    for slug, key in bad:
        vectors.add(slug, "key", ["BCP-05"] if slug in ("off-curve", "e-one", "e-even") else rules, "not one public key in its one canonical spelling", jwk=key, attacks=["F27"] if slug != "oct" else ["F20"])
    return vectors


EXTRA = [
    ("spiffe://example.org/a/./b", "dot segment"), ("spiffe://example.org/..", "only a dot segment"), ("spiffe://example.org/service/pay/../admin", "W5"), ("spiffe://example.org/service/pay/%2e%2e/admin", "W6"),
    ("spiffe://example.org/%70ayment", "W1"), ("spiffe://example.org/a b", "space"), (" spiffe://example.org/a", "leading space"), ("spiffe://example.org/a\n", "trailing line feed"), ("spiffe://example.org/a\x00b", "NUL"),
    ("spiffe://example.org\\a/b", "backslash"), ("spiffe:/example.org/a", "one slash"), ("spiffe:example.org/a", "no slashes"), ("spiffe://example.org/a;b", "semicolon"), ("spiffe://example.org/a:b", "colon in the path"),
    ("spiffe://ex\u0430mple.org/a", "Cyrillic look-alike"), ("spiffe://example.org/\u202eevil", "bidirectional override"), ("spiffe://exam%70le.org/a", "percent-encoding in the trust domain"), ("https://example.org/a", "another scheme"),
    ("spiffe://example.org:/a", "empty port"), ("spiffe://@example.org/a", "empty userinfo"), ("spiffe://example.org/a?", "empty query"), ("spiffe://example.org/a#", "empty fragment"), ("wimse://trust.example", "no path"),
    ("wimse://trust.example/", "only a slash"), ("wimse://trust.example/a/", "trailing slash"), ("wimse://trust.example//a", "empty segment"), ("wimse://trust.example/a/../b", "dot segment"), ("wimse://TRUST.example/a", "upper case"),
    ("wimse://trust.example:443/a", "port"), ("wimse://u@trust.example/a", "userinfo"), ("wimse://trust.example/a?b", "query"), ("wimse://trust.example/a#b", "fragment"), ("WIMSE://trust.example/a", "upper-case scheme"), ("wimse:///a", "no trust domain"),
    ("spiffe://" + "a" * 256 + "/a", "a trust domain of 256 octets"),
]
GOOD = [("spiffe://example.org/A/b-C_d.9", "every allowed kind of character"), ("spiffe://example.org/...", "three dots are a name"), ("spiffe://a/b", "short"), ("spiffe://" + "a" * 255 + "/a", "a trust domain of 255 octets"),
        ("spiffe://example.org/" + "a" * (2048 - 21), "2048 octets"), ("wimse://trust.example/" + "a" * (2048 - 22), "2048 octets"), ("wimse://trust.example/a~b", "tilde is unreserved")]


def identifier():
    vectors = Set("identifier", ["identifier"])
    collected(vectors)
    seen = {vector["input"]["value"] for vector in vectors.vectors}
    for number, (value, why) in enumerate(GOOD, 1):
        assert value not in seen and (len(value) == 2048) == why.startswith("2048"), value
        vectors.add(f"good-{number:02}", "accept", ["WID-04", "WID-19", "SID-05"] if "octets" in why else ["WID-01", "SID-02"], why, value=value)
    for number, (value, why) in enumerate(EXTRA, 1):
        assert value not in seen, value
        attacks = ["F13", why] if why.startswith("W") else ["F13"]
        vectors.add(f"bad-{number:02}", "identifier", ["WID-01", "WID-03", "SID-02", "SID-04"], why, value=value, attacks=attacks)
    return vectors


def collected(vectors):
    """The published cases, judged as the choices say: SPIFFE rules for `spiffe`, the canonical form for `wimse`."""
    root = os.environ.get("PUBLISHED_VECTORS")
    target = pathlib.Path(__file__).resolve().parents[2] / "vectors" / "identifier.json"
    if root is None:
        kept = json.loads(target.read_text())["vectors"] if target.exists() else []
        vectors.vectors.extend(vector for vector in kept if "/published-" in vector["id"])
        return
    cases = json.loads((pathlib.Path(root) / "derived/identifier-cases.json").read_text())
    for number, case in enumerate(cases["cases"], 1):
        value = case["value"]
        column = "wimse_canonical_proposal" if value.startswith("wimse:") else "spiffe_id"
        verdict = "accept" if case[column] == "accept" else "identifier"
        source = {"document": cases["columns"][column], "licence": "IETF Trust Code Component (Revised BSD) or Apache-2.0", "derived": "identifier-cases"}
        rules = ["WIT-01", "WID-01", "WID-02", "WID-11"] if value.startswith("wimse:") else ["SID-01", "SID-02", "SID-03", "SID-04", "WIT-01"]
        attacks = [] if verdict == "accept" else ["F13"]
        vectors.add(f"published-{number:02}", verdict, rules, case["why"], value=value, attacks=attacks, source=source)
