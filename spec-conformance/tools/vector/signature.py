"""HTTP message signatures under the WIMSE profile (draft-ietf-wimse-http-signature-06), of requests and of responses."""

import json
import os

from http_message_signatures import HTTPSignatureAlgorithm
from http_message_signatures import algorithms as library
from joserfc.jwk import JWKRegistry

from . import message, sign
from .set import NOW, Set
from .wpt import KEYS, credential, given_by, kept, trust

ORIGIN = "https://api.example"
TARGET = "/calendar?day=today"
URI = ORIGIN + "/calendar"
REASONS = ["malformed", "tag", "parameter", "component", "covered", "wit", "time", "audience", "nonce", "algorithm", "signature", "digest"]
RANDOM = ["PS256", "PS384", "PS512"]
BODY = '{"title":"Review"}'
REQUEST = ["@method", "@request-target", "workload-identity-token"]
RESPONSE = ["@status", '"@method";req', '"@request-target";req', "workload-identity-token"]
RULES = ["SIG-01", "SIG-05", "SIG-06", "SIG-17", "SIG-34"]


def algorithm(alg):
    """The signature algorithm `alg` of JOSE for the library; deterministic, unlike its own ECDSA."""

    class Jose(HTTPSignatureAlgorithm):
        algorithm_id = {"ES256": "ecdsa-p256-sha256"}.get(alg, alg)

        def __init__(self, public_key=None, private_key=None):
            self.key = private_key

        def sign(self, message):
            return sign.signature(message, self.key, alg)

    return Jose


class Maker:
    """A good message, from which the bad ones are derived."""

    def __init__(self, vectors, keys):
        self.vectors, self.keys = vectors, keys
        self.wits = {alg: credential(keys, alg) for alg in KEYS}

    def parameters(self, changes, **more):
        good = {"created": NOW, "expires": NOW + 120, "nonce": "bm9uY2UtMQ", "tag": message.TAG, **more, **changes}
        return {name: value for name, value in good.items() if value is not ...}

    def fields(self, alg, extra):
        return [("Host", "api.example"), ("Workload-Identity-Token", self.wits[alg]), *extra]

    def request(self, alg="ES256", key=None, fields=(), covered=REQUEST, label="wimse", method="GET", changes=None, signer=None):
        """A signed request: the vector's member `request`."""
        sent = message.Request(method, ORIGIN, TARGET, self.fields(alg, fields))
        parameters = self.parameters(changes or {}, **{"wimse-aud": URI})
        by = message.Signer(signature_algorithm=algorithm(signer or alg), key_resolver=key or self.keys[KEYS[alg]])
        by.sign_with(sent, parameters, covered, label)
        return {"method": method, "target": TARGET, "headers": sent.headers.pairs}

    def response(self, request, alg="ES256", key=None, fields=(), covered=RESPONSE, status=200, changes=None):
        """A signed response: the vector's member `response`."""
        asked = message.Request(request["method"], ORIGIN, request["target"], request["headers"])
        answer = message.Response(status, self.fields(alg, fields), asked)
        parameters = self.parameters({"nonce": "bm9uY2UtMg", **(changes or {})}, **{"wimse-req-nonce": "bm9uY2UtMQ"})
        by = message.Signer(signature_algorithm=algorithm(alg), key_resolver=key or self.keys[KEYS[alg]])
        by.sign_with(answer, parameters, covered)
        return {"status": status, "headers": answer.headers.pairs}

    def add(self, slug, expect, rules, notes, edit=None, request=None, vector=None, **made):
        """Adds a request made with these changes; `edit` then changes what was signed."""
        request = request or self.request(**made)
        self.vectors.add(slug, expect, rules, notes, request=edit(request) if edit else request, **(vector or {}))

    def answer(self, slug, expect, rules, notes, edit=None, request=None, vector=None, body="", **made):
        """The same of a response. Its request asks for a signature."""
        request = request or self.request(changes={"wimse-sign-response": True})
        response = self.response(request, **made)
        given = {"request_nonce": "bm9uY2UtMQ", "uri": None, **(vector or {})}
        self.vectors.add(f"response-{slug}", expect, rules, notes, request=request, response=edit(response) if edit else response, body=body, **given)


def field(name, change):
    """An edit that changes one field's value; `None` removes it."""

    def edit(given):
        pairs = [[have, change(value) if have == name else value] for have, value in given["headers"]]
        return {**given, "headers": [pair for pair in pairs if pair[1] is not None]}

    return edit


def with_fields(*pairs):
    """An edit that adds fields at the end."""
    return lambda given: {**given, "headers": [*given["headers"], *map(list, pairs)]}


def build(keys):
    vectors = Set("http-signature", REASONS, jwks=trust(keys), uri=URI, algorithms=list(KEYS), body="")
    make = Maker(vectors, keys)
    good(make)
    covered(make)
    components(make)
    parameters(make)
    times(make)
    audiences(make)
    several(make)
    syntax(make)
    bodies(make)
    identity(make, keys)
    responses(make)
    published(vectors)
    return vectors


def good(make):
    for alg in KEYS:
        if alg not in RANDOM:
            make.add(f"good-{alg.lower()}", "accept", [*RULES, "SIG-02", "WIT-24"], f"a good request, {alg}", alg=alg, vector={"needs": [alg]})
    make.add("good-sign-response", "accept", ["SIG-09", "SIG-23"], "a signed response is asked for", changes={"wimse-sign-response": True})
    make.add("good-no-sign-response", "accept", ["SIG-09"], "`?0` is false", changes={"wimse-sign-response": False})
    make.add("good-label", "accept", ["SIG-12"], "any label will do", label="sig1")
    make.add("good-order", "accept", ["SIG-34"], "components in another order", covered=REQUEST[::-1])
    make.add("good-more-components", "accept", ["SIG-02"], "a field that need not be covered", fields=[("X-Request-Id", "7")], covered=[*REQUEST, "x-request-id"])
    make.add("good-uncovered-field", "accept", ["SIG-02"], "a field that need not be covered, and is not", edit=with_fields(("X-Request-Id", "7")))
    make.add("good-joined", "accept", ["SIG-34"], "a covered field of two lines is joined with a comma and a space", fields=[("X-Many", "a, b"), ("X-Many", "c")], covered=[*REQUEST, "x-many"])
    make.add("good-trimmed", "accept", ["SIG-34"], "white space around a value is not signed", fields=[("X-Space", "a  b")], covered=[*REQUEST, "x-space"], edit=field("X-Space", lambda value: f"  {value}\t"))
    make.add("good-empty-field", "accept", ["SIG-34"], "an empty field is covered", fields=[("X-Empty", "")], covered=[*REQUEST, "x-empty"])
    make.add("good-more-parameters", "accept", ["SIG-34"], "parameters that are not understood are signed and ignored", changes={"example-x": 1, "wimse-req-nonce": "x"})
    make.add("good-spaces", "accept", ["SIG-34"], "spaces in `Signature-Input` that its serialization does not have", edit=field("Signature-Input", lambda text: text.replace('" "', '"   "').replace(";", "; ")))
    make.add("good-escapes", "accept", ["SIG-34"], "a nonce with quotation marks and a backslash", changes={"nonce": 'a"b\\c'})


def covered(make):
    extra = [
        ("content-type", ("Content-Type", "text/plain")), ("content-digest", ("Content-Digest", message.content_digest(b""))), ("authorization", ("Authorization", "DPoP abc")), ("txn-token", ("Txn-Token", "abc")),
    ]
    for name, pair in extra:
        make.add(f"covered-{name}", "accept", ["SIG-02"], f"`{name}` is there and covered", fields=[pair], covered=[*REQUEST, name])
        make.add(f"uncovered-{name}", "covered", ["SIG-02"], f"`{name}` is there and not covered", fields=[pair])
        make.add(f"added-{name}", "covered", ["SIG-02"], f"somebody added `{name}`", edit=with_fields(pair))
        make.add(f"changed-{name}", "signature", ["SIG-02"], f"somebody changed `{name}`", fields=[pair], covered=[*REQUEST, name], edit=field(pair[0], lambda value: value + ("x" if name != "content-digest" else ", sha-512=" + message.content_digest(b"", "sha-512")[8:])))
        make.add(f"removed-{name}", "component", ["SIG-02"], f"somebody removed `{name}`", fields=[pair], covered=[*REQUEST, name], edit=field(pair[0], lambda _: None))
        make.add(f"doubled-{name}", "signature", ["SIG-02"], f"somebody added a second `{name}`", fields=[pair], covered=[*REQUEST, name], edit=with_fields(pair))
    for name in REQUEST:
        make.add(f"uncovered-{name.strip('@')}", "covered", ["SIG-01", "SIG-02"], f"`{name}` is not covered", covered=[have for have in REQUEST if have != name])
    make.add("uncovered-all", "covered", ["SIG-01"], "nothing is covered", covered=[])
    make.add("changed-method", "signature", ["SIG-01"], "the method was changed", edit=lambda given: {**given, "method": "POST"})
    make.add("changed-path", "signature", ["SIG-01"], "the path was changed", edit=lambda given: {**given, "target": "/mail?day=today"})
    make.add("changed-query", "signature", ["SIG-01"], "the query was changed", edit=lambda given: {**given, "target": "/calendar?day=tomorrow"})
    make.add("changed-query-removed", "signature", ["SIG-01"], "the query was removed", edit=lambda given: {**given, "target": "/calendar"})


def components(make):
    for slug, name in [("authority", "@authority"), ("target-uri", "@target-uri"), ("path", "@path"), ("query", "@query"), ("query-param", '"@query-param";name="day"')]:
        make.add(f"component-{slug}", "component", ["SIG-01"], f"`{name}` depends on what the profile does not sign: not known", covered=[*REQUEST, name])
    fields = [("Priority", "u=1, i")]
    for slug, name in [("sf", '"priority";sf'), ("key", '"priority";key="u"'), ("bs", '"priority";bs')]:
        make.add(f"component-parameter-{slug}", "component", ["SIG-34"], f"the component parameter `{slug}` is not known", fields=fields, covered=[*REQUEST, name])
    text = lambda old, new: field("Signature-Input", lambda value: value.replace(old, new))
    for slug, old, new in [
        ("req-in-request", '"@method"', '"@method";req'), ("parameter-unknown", '"@method"', '"@method";x'), ("parameter-false", '"@method"', '"@method";req=?0'), ("twice", '"@method"', '"@method" "@method"'),
        ("upper-case", '"workload-identity-token"', '"Workload-Identity-Token"'), ("upper-case-derived", '"@method"', '"@Method"'), ("token", '"@method"', "method"), ("number", '"@method"', "1"), ("unknown-derived", '"@method"', '"@method" "@x"'),
        ("status-in-request", '"@method"', '"@method" "@status"'), ("signature-params", '"@method"', '"@method" "@signature-params"'), ("absent-field", '"@method"', '"@method" "x-absent"'), ("empty", '"@method"', '"@method" ""'),
        ("line-feed", '"@method"', '"@method" "x-a: b"'),
    ]:
        expect = "covered" if slug in ("upper-case", "upper-case-derived", "req-in-request", "token", "number") else "component"
        make.add(f"component-{slug}", "component", ["SIG-01", "SIG-34"], f"a component that there is not: {slug}", edit=text(old, new), vector={"also": ["covered"]} if expect == "covered" else None)
    make.add("component-many", "malformed", ["SIG-34"], "a thousand components", edit=text('"@method"', '"@method" ' * 1000), vector={"also": ["component"], "attacks": ["F37"]})
    make.add("component-65", "malformed", ["SIG-34"], "65 components", edit=text('"@method"', '"@method" ' + " ".join(f'"x-{n}"' for n in range(65))), vector={"also": ["component"], "attacks": ["F37"]})


def parameters(make):
    for name, rules in [("created", ["SIG-05"]), ("expires", ["SIG-05"]), ("nonce", ["SIG-05", "SIG-13"]), ("wimse-aud", ["SIG-08"])]:
        make.add(f"parameter-{name}-missing", "parameter", rules, f"no `{name}`", changes={name: ...})
    make.add("parameter-tag-missing", "tag", ["SIG-05", "SIG-06"], "no `tag`", changes={"tag": ...})
    make.add("parameter-tag-old", "tag", ["SIG-06"], "the tag of earlier drafts", changes={"tag": "wimse-service-to-service"})
    make.add("parameter-tag-case", "tag", ["SIG-06"], "the tag in upper case", changes={"tag": message.TAG.upper()})
    make.add("parameter-keyid", "parameter", ["SIG-11"], "`keyid` is there", changes={"keyid": "agent-es256"})
    make.add("parameter-alg", "parameter", ["SIG-11", "SIG-17"], "`alg` is there", changes={"alg": "ecdsa-p256-sha256"}, vector={"attacks": ["F30"]})
    text = lambda old, new: field("Signature-Input", lambda value: value.replace(old, new))
    for name, value in [("created", str(NOW)), ("expires", str(NOW + 120))]:
        for slug, new in [("string", f'"{value}"'), ("decimal", f"{value}.0"), ("negative", f"-{value}"), ("boolean", "?1"), ("token", "now")]:
            make.add(f"parameter-{name}-{slug}", "parameter", ["SIG-05", "SIG-07"], f"`{name}` is no integer: {slug}", edit=text(f"{name}={value}", f"{name}={new}"))
        make.add(f"parameter-{name}-date", "malformed", ["SIG-05"], f"`{name}` is a date, which RFC 8941 does not have", edit=text(f"{name}={value}", f"{name}=@{value}"), vector={"also": ["parameter"]})
        make.add(f"parameter-{name}-twice", "malformed", ["SIG-34"], f"`{name}` twice with one value", edit=text(f";{name}={value}", f";{name}={value}" * 2))
    for slug, new in [("bare", "nonce"), ("token", "nonce=abc"), ("number", "nonce=1"), ("octets", "nonce=:YWJj:"), ("empty", 'nonce=""'), ("long", f'nonce="{"n" * 300}"')]:
        make.add(f"parameter-nonce-{slug}", "parameter", ["SIG-05", "SIG-32"], f"`nonce` is no name: {slug}", edit=text('nonce="bm9uY2UtMQ"', new), vector={"attacks": ["F25"]})
    for slug, new in [("bare", "wimse-aud"), ("token", "wimse-aud=x"), ("number", "wimse-aud=1"), ("list-of-two", "wimse-aud=(1)")]:
        make.add(f"parameter-aud-{slug}", "parameter" if slug != "list-of-two" else "malformed", ["SIG-08"], f"`wimse-aud` is no string: {slug}", edit=text(f'wimse-aud="{URI}"', new))
    for slug, value in [("string", "true"), ("number", 1)]:
        make.add(f"parameter-sign-response-{slug}", "parameter", ["SIG-09"], f"`wimse-sign-response` is a {slug}", changes={"wimse-sign-response": value})
    make.add("parameter-many", "malformed", ["SIG-34"], "a hundred parameters", changes={f"x{n}": 1 for n in range(100)}, vector={"attacks": ["F37"]})


def times(make):
    rules = ["SIG-05", "SIG-07"]
    for slug, created, expires, expect, notes in [
        ("longest", NOW, NOW + 300, "accept", "five minutes"), ("longest-published", NOW, NOW + 302, "accept", "two seconds more, as in the drafts' own example"), ("last-moment", NOW - 200, NOW + 3, "accept", "nearly over"), ("fast-clock", NOW + 27, NOW + 327, "accept", "made by a clock that is nearly half a minute ahead"),
        ("expired", NOW - 120, NOW - 3, "time", "over"), ("expired-long-ago", NOW - 7200, NOW - 7000, "time", "long over"), ("ahead", NOW + 33, NOW + 120, "time", "made too far ahead"), ("tomorrow", NOW + 86400, NOW + 86500, "time", "made tomorrow"),
        ("too-long", NOW, NOW + 333, "parameter", "valid for too long"), ("hours", NOW - 7200, NOW + 60, "parameter", "valid for hours"), ("reversed", NOW + 20, NOW + 10, "parameter", "over before it began"), ("no-time", NOW + 10, NOW + 10, "parameter", "over when it begins"),
    ]:
        make.add(f"time-{slug}", expect, rules, notes, changes={"created": created, "expires": expires}, vector={} if expect == "accept" else {"attacks": ["F35"], "also": ["time"] if expect == "parameter" else []})


def audiences(make):
    rules = ["SIG-08", "SIG-18", "SIG-19"]
    for slug, value in [("host-case", "https://API.example/calendar"), ("default-port", "https://api.example:443/calendar"), ("query", URI + "?x")]:
        make.add(f"audience-{slug}", "accept", rules, f"`{value}` names `{URI}`", changes={"wimse-aud": value})
    for slug, value in [("path", "https://api.example/mail"), ("host", "https://evil.example/calendar"), ("origin", ORIGIN), ("scheme", "http://api.example/calendar"), ("userinfo", "https://api.example@evil.example/calendar"), ("text", "calendar"), ("empty", "")]:
        make.add(f"audience-not-{slug}", "audience", rules, f"`wimse-aud` is `{value}`", changes={"wimse-aud": value}, vector={"attacks": ["F22"]})


def several(make):
    rules = ["SIG-12"]
    own = make.request()
    other = make.request(label="proxy", changes={"tag": "other"})
    both = make.request(label="second")
    lines = lambda given: [pair for pair in given["headers"] if pair[0].startswith("Signature")]
    make.add("several-other-tag", "accept", rules, "a signature of somebody else beside ours", request=with_fields(*lines(other))(own))
    make.add("several-other-tag-first", "accept", rules, "a signature of somebody else before ours", request=with_fields(*lines(own))(other))
    make.add("several-ours", "tag", rules, "two signatures with our tag", request=with_fields(*lines(both))(own))
    make.add("several-only-other", "tag", [*rules, "SIG-06"], "only somebody else's signature", request=other)
    make.add("several-one-label", "malformed", rules, "one label twice", request=with_fields(*lines(own))(own))
    many = with_fields(*(pair for n in range(9) for pair in lines(make.request(label=f"l{n}", changes={"tag": "other"}))))
    make.add("several-many", "malformed", rules, "ten signatures", request=many(own), vector={"attacks": ["F37"]})


def syntax(make):
    rules = ["SIG-34", "SIG-16"]
    of_input = lambda change: field("Signature-Input", change)
    of_signature = lambda change: field("Signature", change)
    for slug, edit, expect in [
        ("no-signature", of_signature(lambda _: None), "malformed"), ("no-input", of_input(lambda _: None), "malformed"), ("other-label", of_signature(lambda text: text.replace("wimse", "sig1")), "malformed"),
        ("extra-label", of_signature(lambda text: text + ", sig1=:AA==:"), "malformed"), ("input-is-item", of_input(lambda text: "wimse"), "malformed"), ("input-not-closed", of_input(lambda text: text.replace(")", "")), "malformed"),
        ("input-trailing-comma", of_input(lambda text: text + ","), "malformed"), ("input-trailing-text", of_input(lambda text: text + " x"), "malformed"), ("label-upper-case", of_input(lambda text: text.replace("wimse=", "Wimse=")), "malformed"),
        ("signature-string", of_signature(lambda text: text.replace(":", '"')), "malformed"), ("signature-list", of_signature(lambda text: text.replace("=:", "=(:", 1) + ")"), "malformed"), ("signature-parameter", of_signature(lambda text: text + ";x"), "malformed"),
        ("signature-empty", of_signature(lambda _: "wimse=::"), "signature"), ("signature-short", of_signature(lambda text: text[:-6] + "==:"), "malformed"), ("signature-flipped", of_signature(lambda text: text.replace(text[20], "A" if text[20] != "A" else "B", 1)), "signature"),
        ("input-long", of_input(lambda text: text + f';x="{"x" * 9000}"'), "malformed"), ("nothing", of_input(lambda _: ""), "malformed"),
    ]:
        also = {"input-trailing-text": ["parameter"], "signature-short": ["signature"], "nothing": ["tag"]}.get(slug)
        make.add(f"syntax-{slug}", expect, rules, f"not two dictionaries that fit each other: {slug}", edit=edit, vector={"also": also or [], "attacks": ["F37"] if slug == "input-long" else []})


def bodies(make):
    rules = ["SIG-04", "SIG-16"]
    digest = message.content_digest(BODY.encode())
    both = f"{digest}, {message.content_digest(BODY.encode(), 'sha-512')}"
    covered_ = [*REQUEST, "content-digest"]
    made = lambda value: dict(method="POST", fields=[("Content-Digest", value)], covered=covered_)
    sent = {"body": BODY}
    make.add("body-good", "accept", rules, "a body and its digest", vector=sent, **made(digest))
    make.add("body-good-sha-512", "accept", rules, "SHA-512", vector=sent, **made(message.content_digest(BODY.encode(), "sha-512")))
    make.add("body-good-both", "accept", rules, "both", vector=sent, **made(both))
    make.add("body-good-unknown-beside", "accept", rules, "a digest nobody knows beside ours", vector=sent, **made(f"unixsum=:AA==:, {digest}"))
    make.add("body-empty-digest", "accept", rules, "no body, and the digest of nothing", **made(message.content_digest(b"")))
    make.add("body-changed", "digest", rules, "the body was changed", vector={"body": BODY + " ", "attacks": ["F27"]}, **made(digest))
    make.add("body-removed", "digest", rules, "the body was removed", vector={"body": ""}, **made(digest))
    make.add("body-without-digest", "digest", rules, "a body without digest", method="POST", vector={"body": BODY, "attacks": ["F27"]})
    for slug, value, expect in [
        ("empty-string", message.content_digest(b""), "digest"), ("unknown-only", "unixsum=:AA==:", "digest"), ("old-name", digest.replace("sha-256", "sha"), "digest"), ("one-wrong", f"{digest}, {message.content_digest(b'', 'sha-512')}", "digest"),
        ("not-octets", "sha-256=abc", "digest"), ("twice", f"{digest}, {digest}", "malformed"), ("syntax", "sha-256=:abc", "malformed"),
    ]:
        make.add(f"body-digest-{slug}", expect, rules, f"the digest is not of the body: {slug}", vector=sent, **made(value))


def identity(make, keys):
    rules = ["SIG-15", "SIG-17"]
    make.add("key-other", "signature", rules, "signed by another key than the WIT's", key=keys["other-es256"], vector={"attacks": ["F21"]})
    make.add("key-issuer", "signature", rules, "signed by the key that signed the WIT", key=keys["issuer-es256"], vector={"attacks": ["F21"]})
    make.add("algorithm-not-allowed", "algorithm", ["SIG-17"], "a good ES256 signature where only PS256 is allowed", vector={"algorithms": ["PS256"]})
    make.add("algorithm-other-hash", "signature", ["SIG-17"], "RSA with SHA-512 by a key whose `cnf.jwk.alg` is `RS256`", alg="RS256", signer="RS512")
    wit = ("Workload-Identity-Token", make.wits["ES256"])
    make.add("wit-twice", "malformed", ["WIT-28", "SIG-02"], "the WIT twice", edit=with_fields(wit), vector={"also": ["wit"]})
    make.add("wit-other", "signature", ["SIG-02", "SIG-15"], "another WIT for the same key", edit=field("Workload-Identity-Token", lambda _: credential(keys, "ES256", NOW + 1)))
    make.add("wit-missing", "wit", ["SIG-15", "WIT-28"], "the WIT was removed", edit=field("Workload-Identity-Token", lambda _: None))


def responses(make):
    rules = ["SIG-03", "SIG-10", "SIG-21", "SIG-25", "SIG-26"]
    for alg in ["ES256", "ES384", "RS256", "EdDSA", "Ed25519"]:
        make.answer(f"good-{alg.lower()}", "accept", rules, f"a good response, {alg}", alg=alg, vector={"needs": [alg]})
    fields = [("Content-Type", "application/json"), ("Content-Digest", message.content_digest(BODY.encode()))]
    whole = [*RESPONSE, "content-type", "content-digest"]
    make.answer("good-body", "accept", [*rules, "SIG-04"], "a response with a body", fields=fields, covered=whole, body=BODY)
    make.answer("good-voluntary", "accept", ["SIG-20", "SIG-27"], "signed without being asked", request=make.request())
    make.answer("good-request-field", "accept", ["SIG-03"], "a field of the request is covered too", covered=[*RESPONSE, '"workload-identity-token";req'])
    make.answer("good-not-found", "accept", ["SIG-03"], "a 404", status=404)
    for name in RESPONSE:
        slug = name.strip("@").replace('"@', "").replace('";', "-")
        make.answer(f"uncovered-{slug}", "covered", ["SIG-03"], f"`{name}` is not covered", covered=[have for have in RESPONSE if have != name])
    make.answer("uncovered-content-type", "covered", ["SIG-03"], "`Content-Type` is not covered", fields=fields, covered=[*RESPONSE, "content-digest"], body=BODY)
    make.answer("uncovered-content-digest", "covered", ["SIG-03", "SIG-04"], "`Content-Digest` is not covered", fields=fields, covered=[*RESPONSE, "content-type"], body=BODY)
    make.answer("uncovered-own-method", "component", ["SIG-03"], "a response has no method of its own", edit=field("Signature-Input", lambda text: text.replace('"@method";req', '"@method";req "@method"')))
    make.answer("changed-status", "signature", ["SIG-03"], "the status was changed", edit=lambda given: {**given, "status": 201})
    make.answer("changed-body", "digest", ["SIG-04", "SIG-27"], "the body was changed", fields=fields, covered=whole, body=BODY + " ")
    make.answer("nonce-missing", "nonce", rules, "no `wimse-req-nonce`", changes={"wimse-req-nonce": ...})
    make.answer("nonce-missing-voluntary", "nonce", [*rules, "SIG-27"], "no `wimse-req-nonce`, and no signature was asked for", request=make.request(), changes={"wimse-req-nonce": ...})
    make.answer("nonce-other", "nonce", rules, "the response to another request", changes={"wimse-req-nonce": "other"}, vector={"attacks": ["F25"]})
    make.answer("nonce-number", "parameter", rules, "`wimse-req-nonce` is a number", changes={"wimse-req-nonce": 1})
    make.answer("expired", "time", ["SIG-07", "SIG-25"], "over", changes={"created": NOW - 100, "expires": NOW - 3})
    make.answer("keyid", "parameter", ["SIG-11"], "`keyid` is there", changes={"keyid": "x"})
    make.answer("key-other", "signature", ["SIG-25", "SIG-27"], "signed by another key than the WIT's", key=make.keys["other-es256"], vector={"attacks": ["F21"]})
    asked = make.request(changes={"wimse-sign-response": True})
    swapped = make.response({**asked, "target": "/mail"})
    make.vectors.add("response-other-target", "signature", ["SIG-03", "SIG-26"], "the response to another target with the same nonce", request=asked, response=swapped, request_nonce="bm9uY2UtMQ", uri=None)
    swapped = make.response({**asked, "method": "POST"})
    make.vectors.add("response-other-method", "signature", ["SIG-03", "SIG-26"], "the response to another method with the same nonce", request=asked, response=swapped, request_nonce="bm9uY2UtMQ", uri=None)
    echoed = {"status": 200, "headers": asked["headers"]}
    make.vectors.add("response-echo", "covered", ["SIG-03", "SIG-27"], "the request's own fields sent back", request=asked, response=echoed, request_nonce="bm9uY2UtMQ", uri=None, attacks=["F28"])
    make.vectors.add("request-echo", "component", ["SIG-01"], "a response's fields sent as a request's", request={**asked, "headers": make.response(asked, covered=["@status", "workload-identity-token"], changes={"wimse-aud": URI})["headers"]}, also=["covered"], attacks=["F28"])


def published(vectors):
    """Copies of published examples, judged as the newest text has it. Their signature bases were computed elsewhere."""
    root = os.environ.get("PUBLISHED_VECTORS")
    if root is None:
        vectors.vectors.extend(kept("http-signature"))
        return
    request_rules, response_rules = ["SIG-01", "SIG-02", "SIG-08", "SIG-34"], ["SIG-03", "SIG-10", "SIG-21", "SIG-34"]
    for name in ["current/httpsig-06-07", *(f"superseded/httpsig-{old}" for old in ("05", "03-04", "02", "00-01", "s2s07", "s2s03-06", "s2s00-02"))]:
        for part in ("request", "response"):
            given = given_by(root, f"{name}-{part}")
            derived = given_by(root, f"derived/sigbase-{given['id']}")
            pairs = dict(given[part]["headers"])
            cnf = {"alg": "EdDSA", **derived["public_jwk"]}
            text = pairs["Signature-Input"]
            expect = "tag" if message.TAG not in text else "accept"
            if expect == "accept" and part == "request":
                expect = "accept" if ";wimse-aud=" in text else "parameter"
            elif expect == "accept":
                expect = "accept" if "wimse-req-nonce" in text else "nonce"
            assert expect == "accept" or given["expect"]["profile"] == "reject"
            assert expect != "accept" or given["expect"]["profile"] == "accept", given["id"]
            made = int(text.split("created=")[1].split(";")[0])
            take = lambda which: {name: given[which][name] for name in ("method", "target", "status", "headers") if name in given[which]}
            more = {} if part == "request" else {"response": take("response"), "request_nonce": "abcd1111", "body": given["response"]["body_as_printed"]}
            uri = f"https://{given['request']['authority']}/gimme-ice-cream" if part == "request" else None
            vectors.add(f"published-{given['id']}", expect, request_rules if part == "request" else response_rules, given.get("notes") or "published example", now=made + 1, request=take("request"), uri=uri, jwks=None, cnf=cnf,
                        signature_base=derived["signature_base"], signature_verifies=derived["verifies"], digest_verifies=given["expect"].get("content_digest", "valid") == "valid", source=given["source"], needs=["EdDSA"], **more)


ENGINES = {"ES256": library.ECDSA_P256_SHA256, "ES384": library.ECDSA_P384_SHA384, "EdDSA": library.ED25519, "Ed25519": library.ED25519, "RS256": library.RSA_V1_5_SHA256}


def second_opinion(document):
    """The library, with its own cryptography, must accept what we say is good."""
    checked = 0
    for vector in document["vectors"]:
        given = vector["input"]
        if vector["expect"] != "accept":
            continue
        carrier = given.get("response") or given["request"]
        wit = next(value for name, value in carrier["headers"] if name == "Workload-Identity-Token").strip()
        jwk = given.get("cnf") or json.loads(sign.unb64u(wit.split(".")[1]))["cnf"]["jwk"]
        if jwk["alg"] not in ENGINES:
            continue
        whole = message.Request(given["request"]["method"], ORIGIN, given["request"]["target"], given["request"]["headers"])
        if "response" in given:
            whole = message.Response(given["response"]["status"], given["response"]["headers"], whole)
        verifier = message.Verifier(signature_algorithm=ENGINES[jwk["alg"]], key_resolver=JWKRegistry.import_key(jwk).public_key)
        verifier.signature_metadata_parameters = verifier.signature_metadata_parameters | {"example-x"}
        # The library knows no digest but two, and refuses what stands beside them.
        body = None if "unixsum" in json.dumps(carrier) else given["body"].encode()
        result, = verifier.verify(whole, expect_tag=message.TAG, body=body)
        assert result.nonce and (not given["body"] or body is None or result.body)
        checked += 1
    assert checked > 20, checked
