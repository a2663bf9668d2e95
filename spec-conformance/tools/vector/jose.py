"""What any compact JWS can get wrong, whatever it is used for."""

import json

from cryptography.hazmat.primitives.asymmetric import utils
from cryptography.hazmat.primitives import serialization
from joserfc.jwk import JWKRegistry

from . import sign
from .keys import public

P256_ORDER = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551


def edit(members, changes):
    """A copy with members replaced, or removed where the change is `...`."""
    out = {**members, **changes}
    return {name: value for name, value in out.items() if value is not ...}


def text(members, raw):
    """JSON of `members` plus text that no JSON writer would produce, such as a second `sub`."""
    return sign.compact(members)[:-1] + b"," + raw.encode() + b"}"


class Base:
    """A good token of one kind, from which the bad ones are derived."""

    def __init__(self, vectors, field, header, claims, key, rules):
        self.vectors, self.field, self.header, self.claims, self.key, self.rules = vectors, field, header, claims, key, rules

    def make(self, header=None, claims=None, key=None, algorithm=None):
        """Signs the good header and claims with these changes."""
        header = header if isinstance(header, (bytes, str)) else edit(self.header, header or {})
        claims = claims if isinstance(claims, (bytes, str)) else edit(self.claims, claims or {})
        return sign.jws(header, claims, key or self.key, algorithm)

    def add(self, slug, expect, notes, rules=(), token=None, header=None, claims=None, key=None, algorithm=None, **rest):
        """Adds a vector whose token is `token`, or the good one with changes."""
        if token is None:
            token = self.make(header, claims, key, algorithm)
        rules = [*dict.fromkeys([*rules, *([] if rules else self.rules)])]
        self.vectors.add(slug, expect, rules, notes, **{self.field: token}, **rest)


def add_common(base, proof=False):
    """The negatives every kind shares. A proof carries its own key, so key selection does not apply."""
    shapes(base)
    encodings(base)
    signatures(base)
    algorithms(base, proof)
    headers(base, proof)
    documents(base)


def shapes(base):
    good = base.make()
    head, body, sig = good.split(".")
    rules = ["BCP-04", "BCP-16", *base.rules]
    flat = json.dumps({"payload": body, "protected": head, "signature": sig})
    general = json.dumps({"payload": body, "signatures": [{"protected": head, "signature": sig}]})
    jwe = ".".join([sign.b64u(b'{"alg":"dir","enc":"A128GCM"}'), "", "AAAAAAAAAAAAAAAA", body, "AAAAAAAAAAAAAAAAAAAAAA"])
    for slug, token, notes in [
        ("shape-empty", "", "nothing at all"),
        ("shape-two-parts", f"{head}.{body}", "no signature part"),
        ("shape-four-parts", f"{good}.{sig}", "a fourth part"),
        ("shape-five-parts", f"{head}.{body}.{sig}.{body}.{sig}", "five parts, as an encrypted token has"),
        ("shape-encrypted", jwe, "a JWE where a JWS is expected"),
        ("shape-json-flattened", flat, "flattened JSON serialization"),
        ("shape-json-general", general, "general JSON serialization"),
        ("shape-leading-space", " " + good, "a space in front"),
        ("shape-trailing-newline", good + "\n", "a line feed at the end"),
        ("shape-inner-space", f"{head}. {body}.{sig}", "a space between parts"),
        ("shape-empty-header", f".{body}.{sig}", "an empty header part"),
        ("shape-empty-payload", f"{head}..{sig}", "an empty (detached) payload"),
        ("shape-two-tokens", f"{good},{good}", "two tokens joined with a comma, as HTTP joins two header fields"),
    ]:
        base.add(slug, "malformed", notes, rules, token=token, attacks=["F31"] if "encrypted" in slug or "five" in slug else [])


def encodings(base):
    good = base.make()
    head, body, sig = good.split(".")
    rules = ["BCP-16", "THUMB-02"]
    base.add("encoding-padded-signature", "malformed", "`=` padding on the signature", rules, token=good + "==", attacks=["F27"])
    base.add("encoding-padded-payload", "malformed", "`=` padding on the payload, signed as it stands", rules,
             token=sign.resign(f"{head}.{padded(base)}", base.key))
    claims = pad_to(base.claims, 2)
    loose = sign.other_last_character(sign.b64u(sign.compact(claims)))
    base.add("encoding-loose-payload", "malformed", "the payload's last character has unused bits set, signed as it stands", rules,
             token=sign.resign(f"{head}.{loose}", base.key), attacks=["F27"])
    header = pad_to(base.header, 2)
    loose = sign.other_last_character(sign.b64u(sign.compact(header)))
    base.add("encoding-loose-header", "malformed", "the header's last character has unused bits set, signed as it stands", rules,
             token=sign.resign(f"{loose}.{body}", base.key), attacks=["F27"])
    if len(sig) % 4:
        base.add("encoding-loose-signature", "malformed", "the signature's last character has unused bits set", rules,
                 token=f"{head}.{body}.{sign.other_last_character(sig)}", attacks=["F27"])
    standard = sign.b64u(sign.compact(edit(base.claims, {"x": "~~~???>>>"}))).replace("-", "+").replace("_", "/")
    assert "+" in standard or "/" in standard
    base.add("encoding-standard-alphabet", "malformed", "`+` and `/` instead of `-` and `_`, signed as it stands", rules,
             token=sign.resign(f"{head}.{standard}", base.key))


def pad_to(members, remainder):
    """`members` with filler so that the JSON's length leaves this remainder modulo 3."""
    for filler in ("", "a", "aa"):
        out = edit(members, {"fill": "x" + filler})
        if len(sign.compact(out)) % 3 == remainder:
            return out
    raise AssertionError("one of three lengths fits")


def padded(base):
    claims = pad_to(base.claims, 1)
    return sign.b64u(sign.compact(claims)) + "=="


def signatures(base):
    good = base.make()
    head, _, sig = good.rpartition(".")
    raw = sign.unb64u(sig)
    flipped = sign.b64u(raw[:10] + bytes([raw[10] ^ 1]) + raw[11:])
    rules = ["BCP-04", *base.rules]
    base.add("signature-flipped", "signature", "one bit of the signature changed", rules, token=f"{head}.{flipped}")
    base.add("signature-truncated", "signature", "the last 16 octets are missing", rules, also=["malformed"], token=f"{head}.{sign.b64u(raw[:-16])}")
    base.add("signature-of-other-payload", "signature", "claims changed after signing", rules,
             token=f"{sign.b64u(sign.compact(base.header))}.{sign.b64u(sign.compact(edit(base.claims, {'x': 1})))}.{sig}")
    if base.key["kty"] != "EC":
        return
    r, s = int.from_bytes(raw[:32], "big"), int.from_bytes(raw[32:], "big")
    der = utils.encode_dss_signature(r, s)
    base.add("signature-der", "signature", "an ASN.1 signature instead of r and s (RFC 7518 section 3.4)", rules, also=["malformed"], token=f"{head}.{sign.b64u(der)}")
    base.add("signature-zero", "signature", "r = s = 0", rules, also=["malformed"], token=f"{head}.{sign.b64u(bytes(64))}")
    mirrored = sign.b64u(raw[:32] + (P256_ORDER - s).to_bytes(32, "big"))
    base.add("signature-mirrored", "accept", "n - s instead of s: JWS does not ask for the lower half", rules, token=f"{head}.{mirrored}")


def algorithms(base, proof):
    header, key = base.header, base.key
    rules = ["BCP-01", "BCP-02", *base.rules]
    none = lambda name: sign.without_signature({**header, "alg": name}, base.claims)
    for slug, token in [("none", none("none")), ("none-mixed-case", none("noNE")), ("none-upper-case", none("NONE"))]:
        base.add(f"algorithm-{slug}", "algorithm", "unsigned token", rules, also=["malformed"], token=token, attacks=["F30"])
    signed = base.make({"alg": "none"})
    base.add("algorithm-none-signed", "algorithm", "`none` in the header of a token that has a signature", rules, token=signed, attacks=["F30"])
    jwk = public(key)
    imported = JWKRegistry.import_key(key)
    pem = imported.public_key.public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
    secrets = [("jwk", sign.compact(jwk)), ("pem", pem)]
    if key["kty"] == "EC":
        secrets.append(("x", sign.unb64u(key["x"])))
    for name, secret in secrets:
        token = sign.jws({**header, "alg": "HS256"}, base.claims, secret, "HS256")
        base.add(f"algorithm-hs256-{name}", "algorithm", f"HMAC with the public key ({name}) as the secret", rules, token=token, attacks=["F30"])
    for slug, alg in [("lower-case", header["alg"].lower()), ("trailing-space", header["alg"] + " "), ("unregistered", "ES257"), ("es256k", "ES256K"), ("encryption", "RSA-OAEP")]:
        base.add(f"algorithm-{slug}", "algorithm", f"`alg` is `{alg}`, signature otherwise right", rules, header={"alg": alg}, attacks=["F20"] if proof else ["F30"])
    base.add("algorithm-missing", "algorithm", "no `alg`", rules, also=["malformed"], header={"alg": ...})
    base.add("algorithm-number", "malformed", "`alg` is a number", rules, also=["algorithm"], header={"alg": 256})
    if key["kty"] == "EC":
        base.add("algorithm-other-hash", "algorithm", "`ES384` with a P-256 key, signed with SHA-384", rules, also=["key", "signature"],
                 header={"alg": "ES384"}, algorithm="ES384", attacks=["F20", "F30"])
        base.add("algorithm-other-family", "algorithm", "`RS256` in the header, the key is P-256", rules, also=["key", "signature"],
                 header={"alg": "RS256"}, attacks=["F20", "F30"])


def headers(base, proof):
    crit = ["BCP-18", *base.rules, *(["WIT-39"] if base.vectors.kind == "wit" else [])]
    for slug, members in [
        ("unknown", {"crit": ["exp-policy"], "exp-policy": 1}), ("empty", {"crit": []}), ("not-a-list", {"crit": "exp"}),
        ("names-absent-member", {"crit": ["missing"]}), ("names-standard-member", {"crit": ["alg"]}),
        ("b64", {"crit": ["b64"], "b64": False}),
    ]:
        base.add(f"header-crit-{slug}", "malformed", "`crit` in the header: nothing is understood, so the token is refused", crit, header=members, attacks=["F31"])
    base.add("header-b64-false", "malformed", "`b64` false without `crit`", crit, header={"b64": False}, attacks=["F31"])
    pointers = {"jku": "https://attacker.example/jwks.json", "x5u": "https://attacker.example/cert.pem", "x5c": ["MIIB"]}
    for name, value in pointers.items():
        base.add(f"header-{name}", "malformed", f"`{name}` in the header, signature right: keys never come from token content",
                 ["BCP-11", "BCP-10", *base.rules], header={name: value}, attacks=["F33"])
    base.add("header-unknown-member", "accept", "a header member nobody knows is ignored", ["BCP-18"], header={"example.com/x": "y"})
    raw = text(base.header, '"alg":"none"')
    base.add("header-duplicate-alg", "malformed", "`alg` twice, the second one `none`", ["BCP-19"], header=raw, attacks=["F31"])
    raw = text(base.header, f'"typ":"{base.header.get("typ", "JWT")}"')
    base.add("header-duplicate-typ", "malformed", "`typ` twice with one value", ["BCP-19"], header=raw if "typ" in base.header else text(edit(base.header, {"typ": "JWT"}), '"typ":"JWT"'), attacks=["F31"])


def documents(base):
    claims, rules = base.claims, ["BCP-19", "BCP-06"]
    first = next(iter(claims))
    value = json.dumps(claims[first])
    good = sign.compact(claims)
    deep = "[" * 300 + "]" * 300
    for slug, payload, notes in [
        ("payload-duplicate-same", text(claims, f'"{first}":{value}'), f"`{first}` twice with one value"),
        ("payload-duplicate-other", text(claims, f'"{first}":"other"'), f"`{first}` twice with different values"),
        ("payload-duplicate-escaped", text(claims, f'"\\u{ord(first[0]):04x}{first[1:]}":"other"'), f"`{first}` twice, one spelled with an escape"),
        ("payload-duplicate-nested", text(claims, '"x":{"a":1,"a":2}'), "a member twice inside a nested object"),
        ("payload-array", b"[" + good + b"]", "the payload is an array"),
        ("payload-string", json.dumps(good.decode()).encode(), "the payload is a JSON string holding the claims"),
        ("payload-truncated", good[:-1], "the closing brace is missing"),
        ("payload-trailing-text", good + b"{}", "a second JSON value after the first"),
        ("payload-comment", b"/**/" + good, "a comment"),
        ("payload-byte-order-mark", b"\xef\xbb\xbf" + good, "a UTF-8 byte order mark"),
        ("payload-utf16", good.decode().encode("utf-16-le"), "UTF-16"),
        ("payload-invalid-utf8", text(claims, '"x":"') [:-1] + b'\xff"}', "an octet that is not UTF-8"),
        ("payload-deep", text(claims, f'"x":{deep}'), "300 nested arrays in an unknown claim"),
        ("payload-nan", text(claims, '"x":NaN'), "`NaN` is not JSON"),
    ]:
        base.add(slug, "malformed", notes, rules, claims=payload, attacks=["F37"] if "deep" in slug else ["F31"])
    base.add("header-array", "malformed", "the header is an array", ["BCP-04"], header=b"[" + sign.compact(base.header) + b"]")
    base.add("header-deep", "malformed", "300 nested arrays in the header", ["BCP-04"], header=text(base.header, f'"x":{deep}'), attacks=["F37"])
    base.add("header-invalid-utf8", "malformed", "the header is not UTF-8", ["BCP-06"], header=text(base.header, '"x":"')[:-1] + b'\xff"}')


def add_key_selection(base, keys, use):
    """Negatives of finding the key in a set; `base.vectors.base['jwks']` is the good set."""
    rules = ["BCP-07", *base.rules]
    good = base.vectors.base["jwks"]["keys"]
    one = [key for key in good if key.get("kid") == base.header["kid"]]
    wrap = lambda listed: {"keys": listed}
    base.add("key-unknown-kid", "key", "no key has this `kid`", rules, header={"kid": "nobody"}, attacks=["F33"])
    base.add("key-kid-case", "key", "`kid` differs in letter case", ["WSVID-03", *rules], header={"kid": base.header["kid"].upper()})
    base.add("key-kid-missing-two-keys", "key", "no `kid`, two keys could fit", ["WIT-09", *rules], header={"kid": ...},
             jwks=wrap([*one, public(keys["issuer-es256-old"], **({"use": use} if use else {}))]))
    base.add("key-kid-number", "malformed", "`kid` is a number", rules, also=["key"], header={"kid": 1})
    for slug, kid in [("path", "../../etc/passwd"), ("sql", "' OR '1'='1"), ("nul", "issuer-es256\x00"), ("long", "k" * 8192)]:
        base.add(f"key-kid-{slug}", "key", "a hostile `kid` finds nothing", ["BCP-10", *rules], also=["malformed"], header={"kid": kid}, attacks=["F33", "F36"])
    base.add("key-other-key-same-kid", "signature", "signed by another key that claims this `kid`", rules, key=keys["other-es256"], attacks=["F33", "F17"])
    attacker = public(keys["other-es256"])
    base.add("key-embedded", "malformed", "signed by the key that the header brings along", ["BCP-11", "WIT-06"], also=["key", "signature"],
             header={"jwk": attacker, "kid": "other-es256"}, key=keys["other-es256"], attacks=["F33"])
    base.add("key-embedded-good", "malformed", "`jwk` in the header is refused even when the signature is right", ["BCP-11"],
             header={"jwk": public(keys["issuer-es256"])}, attacks=["F33"])
    base.add("key-empty-set", "key", "the set has no keys", ["BUNDLE-07", *rules], jwks=wrap([]))
    odd = [{"kty": "XYZ", "kid": "x", "use": use or "sig"}, {"kid": "no-kty"}, {"kty": "EC", "crv": "P-999", "x": "AA", "y": "AA", "kid": "c"}]
    base.add("key-odd-keys-ignored", "accept", "keys nobody knows stand beside the good one", ["BUNDLE-06", "BUNDLE-02"], jwks=wrap([*odd, *one]))
    off = dict(one[0], y=one[0]["x"])
    base.add("key-off-curve", "key", "the point is not on the curve", ["BCP-05", *rules], also=["signature"], jwks=wrap([off]))
    weak = dict(public(keys["weak-rsa"]), kid="weak-rsa", **({"use": use} if use else {}))
    base.add("key-weak-rsa", "key", "RSA with 1024 bits", ["BCP-05", *rules], also=["signature", "algorithm"], header={"alg": "RS256", "kid": "weak-rsa"}, key=keys["weak-rsa"],
             algorithm="RS256", jwks=wrap([weak]))
    swapped = dict(public(keys["issuer-rsa"]), alg="PS256", **({"use": use} if use else {}))
    base.add("key-algorithm-pinned", "algorithm", "the key says `PS256`, the header `RS256`", ["BCP-01", *rules], also=["key"], header={"alg": "RS256", "kid": "issuer-rsa"},
             key=keys["issuer-rsa"], algorithm="RS256", jwks=wrap([swapped]), attacks=["F30"])


NUMBERS = [("string", '"1800000300"'), ("empty-string", '""'), ("null", "null"), ("true", "true"), ("array", "[1800000300]"), ("object", "{}"), ("negative", "-1"), ("overflow", "1e400")]


def add_wrong_numbers(base, claim, rules):
    """A time that is not a number must never count as absent."""
    for slug, raw in NUMBERS:
        payload = text(edit(base.claims, {claim: ...}), f'"{claim}":{raw}')
        also = {"negative": ["time"], "overflow": ["time", "malformed"]}.get(slug, ["malformed"])
        if slug == "negative" and claim != "exp":
            continue
        base.add(f"{claim}-{slug}", "claim", f"`{claim}` is `{raw}`", ["BCP-20", *rules], also=also, claims=payload, attacks=["F32"])
