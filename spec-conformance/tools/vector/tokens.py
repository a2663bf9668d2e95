"""ID tokens of a user's issuer (OpenID Connect) and JWT access tokens (RFC 9068) with an actor."""

from . import jose
from .keys import public
from .set import NOW, TYPES, Set
from .svid import NINE

STS = "https://sts.example"
COMMON = ["malformed", "typ", "algorithm", "key", "signature", "claim", "time", "audience", "issuer"]
ALL = [*NINE, "EdDSA", "Ed25519"]


def jwks(keys):
    names = ["issuer-es256", "issuer-es384", "issuer-es512", "issuer-rsa", "issuer-ed25519"]
    return {"keys": [public(keys[name], use="sig") for name in names]}


def positives(base, keys, rules):
    for alg, name in [*NINE.items(), ("EdDSA", "issuer-ed25519"), ("Ed25519", "issuer-ed25519")]:
        base.add(f"good-{alg.lower()}", "accept", f"a good token, {alg}", rules, header={"alg": alg, "kid": name}, key=keys[name], algorithm=alg, needs=[alg])


def times(base, rules):
    base.add("exp-missing", "claim", "no `exp`", rules, claims={"exp": ...}, attacks=["F32"])
    jose.add_wrong_numbers(base, "exp", rules)
    jose.add_wrong_numbers(base, "nbf", rules)
    jose.add_wrong_numbers(base, "iat", rules)
    base.add("time-expired", "time", "expired a minute and some ago", rules, claims={"exp": NOW - 63}, attacks=["F35"])
    base.add("time-in-leeway", "accept", "expired less than the leeway ago", rules, claims={"exp": NOW - 57})
    base.add("time-not-yet", "time", "`nbf` is ahead", rules, claims={"nbf": NOW + 63}, attacks=["F35"])


def issuers(base, iss, rules):
    for slug, value in [("other", "https://other.example"), ("trailing-slash", iss + "/"), ("upper-case", iss.upper()), ("host-case", iss.replace("example", "Example")), ("prefix", iss[:-1]), ("longer", iss + ".evil.example"),
                        ("empty", ""), ("look-alike", iss.replace("a", "\u0430").replace("e", "\u0435"))]:
        base.add(f"issuer-{slug}", "issuer", f"`iss` is not the issuer: {slug}", rules, also=["claim"], claims={"iss": value}, attacks=["F34"])
    for slug, value in [("missing", ...), ("null", None), ("array", [iss]), ("number", 1)]:
        base.add(f"issuer-{slug}", "claim", "`iss` is missing or of the wrong type", rules, also=["issuer", "malformed"], claims={"iss": value}, attacks=["F07"])


def audiences(base, own, rules):
    for slug, value in [("other", "https://other.example"), ("prefix", own[:-1]), ("longer", own + ".evil"), ("trailing-slash", own + "/"), ("empty", ""), ("empty-list", []), ("upper-case", own.upper())]:
        base.add(f"audience-{slug}", "audience", f"`aud` does not name us: {slug}", rules, also=["claim"], claims={"aud": value}, attacks=["F06", "F16"])
    for slug, value in [("missing", ...), ("null", None), ("number", 1), ("object", {}), ("mixed", [own, 1])]:
        base.add(f"audience-{slug}", "claim", "`aud` is missing or of the wrong type", rules, also=["audience", "malformed"], claims={"aud": value}, attacks=["F06", "F16"])


def id_token(keys):
    iss = "https://idp.corp.example"
    vectors = Set("id-token", COMMON, issuer=iss, audiences=[STS, "spiffe://prod.example/agent/planner"], algorithms=ALL, jwks=jwks(keys))
    header = {"alg": "ES256", "kid": "issuer-es256"}
    claims = {"iss": iss, "sub": "alice", "aud": STS, "exp": NOW + 600, "iat": NOW, "auth_time": NOW - 60, "acr": "urn:example:mfa", "amr": ["pwd", "otp"]}
    base = jose.Base(vectors, "token", header, claims, keys["issuer-es256"], ["TX-05", "BCP-12"])
    positives(base, keys, ["BCP-01", "TX-05"])
    base.add("good-audience-list", "accept", "`aud` as a list of one", ["BCP-09"], claims={"aud": [STS]})
    base.add("good-audience-client", "accept", "`aud` is the agent that calls", ["BCP-09"], claims={"aud": "spiffe://prod.example/agent/planner"})
    base.add("good-typ", "accept", "`typ` is `JWT`, as most issuers write it", ["BCP-14"], header={"typ": "JWT"})
    base.add("good-x5t", "accept", "a certificate thumbprint in the header points to nothing and is ignored", ["BCP-11"], header={"x5t": "bwcK0esc3ACC3DB2Y5_lESsXE8o9ltc05O89jdN-dg2"})
    base.add("good-exp-fraction", "accept", "a NumericDate may have a fraction (RFC 7519 section 2)", ["BCP-20"], claims={"exp": NOW + 600.5})
    base.add("good-no-kid-one-key", "accept", "no `kid`, but only one key", ["BCP-07"], header={"kid": ...}, jwks={"keys": [public(keys["issuer-es256"], use="sig")]})
    base.add("good-key-without-use", "accept", "`use` is optional in an issuer's key set (RFC 7517 section 4.2)", ["BCP-07"], jwks={"keys": [public(keys["issuer-es256"])]})
    base.add("algorithm-not-allowed", "algorithm", "ES256 where only RS256 is allowed", ["BCP-01"], algorithms=["RS256"])
    base.add("algorithm-ps-as-rs", "signature", "`PS256` in the header, PKCS #1 v1.5 signature", ["BCP-01"], header={"alg": "PS256", "kid": "issuer-rsa"}, key=keys["issuer-rsa"], algorithm="RS256", attacks=["F30"])
    base.add("key-use-enc", "key", "the key is for encryption", ["META-08"], jwks={"keys": [public(keys["issuer-es256"], use="enc")]})
    base.add("key-of-other-issuer", "key", "same subject, the key of another issuer", ["BCP-07"], also=["signature"], header={"kid": "other-es256"}, key=keys["other-es256"], attacks=["F07", "F33"])
    jose.add_common(base)
    jose.add_key_selection(base, keys, "sig")
    for typ in TYPES:
        if typ not in ("JWT", "JOSE"):
            base.add(f"typ-{typ.replace('+', '-')}", "typ", f"`typ` is `{typ}`", ["BCP-13", "TX-05"], header={"typ": typ}, attacks=["F01"])
    times(base, ["BCP-20", "TX-18"])
    issuers(base, iss, ["BCP-07", "META-10"])
    audiences(base, STS, ["BCP-09"])
    for slug, value in [("missing", ...), ("null", None), ("empty", ""), ("number", 7), ("array", ["alice"])]:
        base.add(f"subject-{slug}", "claim", "`sub` is missing or of the wrong type", ["BCP-08"], also=["malformed"], claims={"sub": value}, attacks=["F07"])
    return vectors


def access_token(keys):
    aud = "https://api.example/calendar"
    vectors = Set("access-token", [*COMMON, "cnf"], issuer=STS, audience=aud, bound=True, jwks=jwks(keys))
    header = {"typ": "at+jwt", "alg": "ES256", "kid": "issuer-es256"}
    planner, researcher = "spiffe://prod.example/agent/planner", "spiffe://prod.example/agent/researcher"
    act = {"iss": "spiffe://prod.example", "sub": planner}
    claims = {"iss": STS, "sub": "corp:alice", "aud": aud, "client_id": planner, "iat": NOW, "exp": NOW + 1800, "jti": "0190f0f0-0000-7000-8000-000000000001", "scope": "calendar.read", "act": act,
              "cnf": {"jkt": "0ZcOCORZNYy-DWpqq30jZyJGHTN0d2HglBV3uiguA4I"}, "delegation": {"id": "0190f0f0-0000-7000-8000-000000000002", "until": NOW + 1800}}
    base = jose.Base(vectors, "token", header, claims, keys["issuer-es256"], ["AT-12", "AT-01"])
    positives(base, keys, ["AT-01", "AT-02", "AT-12"])
    base.add("good-typ-long", "accept", "`application/at+jwt` is the same type", ["AT-03", "BCP-14"], header={"typ": "application/at+jwt"})
    base.add("good-audience-list", "accept", "`aud` as a list of one", ["AT-12"], claims={"aud": [aud]})
    base.add("good-user-facts", "accept", "what the user's issuer said of the login", ["AT-06"], claims={"auth_time": NOW - 60, "acr": "urn:example:mfa", "amr": ["pwd", "otp"]})
    base.add("good-nested-act", "accept", "an earlier actor inside", ["TX-25"], claims={"client_id": researcher, "act": {"iss": act["iss"], "sub": researcher, "act": act}})
    base.add("good-more-claims", "accept", "unknown claims are ignored", ["AT-07"], claims={"example.com/x": [1]})
    jose.add_common(base)
    jose.add_key_selection(base, keys, "sig")
    for typ in TYPES:
        if typ != "at+jwt":
            base.add(f"typ-{typ.lower().replace('+', '-')}", "typ", f"`typ` is `{typ}`", ["AT-03", "BCP-13"], header={"typ": typ}, attacks=["F01"])
    base.add("typ-missing", "typ", "no `typ`: an ID token looks like that", ["AT-03"], header={"typ": ...}, attacks=["F01"])
    for claim in ["sub", "client_id", "iat", "jti"]:
        base.add(f"claim-{claim.replace('_', '-')}-missing", "claim", f"no `{claim}`", ["AT-04"], also=["malformed"], claims={claim: ...})
        if claim != "iat":
            base.add(f"claim-{claim.replace('_', '-')}-number", "claim", f"`{claim}` is a number", ["AT-04"], also=["malformed"], claims={claim: 7})
    times(base, ["AT-12", "BCP-20"])
    issuers(base, STS, ["AT-12"])
    audiences(base, aud, ["AT-12", "BCP-09"])
    actors(base, act)
    for slug, value in [("array", ["calendar.read"]), ("number", 1), ("null", None), ("quote", 'calendar.read"'), ("tab", "calendar.read\tcalendar.write"), ("double-space", "calendar.read  calendar.write")]:
        base.add(f"scope-{slug}", "claim", "`scope` is not a space-separated list of scope tokens", ["TX-28", "CORE-10"], also=["malformed"], claims={"scope": value}, attacks=["F05"])
    for slug, value in [("missing", ...), ("null", None), ("empty", {}), ("only-unknown", {"example.com/x": 1}), ("string", "x"), ("jkt-short", {"jkt": "NzbLsXh8uDCcd7MNwrnNZpX0ak8ACQ"}), ("jkt-number", {"jkt": 1}),
                        ("jkt-padded", {"jkt": claims["cnf"]["jkt"] + "="}), ("jkt-loose", {"jkt": claims["cnf"]["jkt"][:-1] + "J"}), ("jkt-hex", {"jkt": "d1" * 32})]:
        base.add(f"cnf-{slug}", "cnf", f"the token is not bound to one key: {slug}", ["DPOP-25", "CNF-02"], also=["claim", "malformed"], claims={"cnf": value}, attacks=["F08", "F21"])
    return vectors


def actors(base, act):
    deep = act
    for _ in range(80):
        deep = {**act, "act": deep}
    for slug, value in [("string", "spiffe://prod.example/agent/planner"), ("null", None), ("array", [act]), ("number", 1), ("true", True), ("empty", {}), ("no-sub", {"iss": act["iss"]}), ("sub-array", {**act, "sub": [act["sub"]]}),
                        ("inner-string", {**act, "act": "x"}), ("inner-array", {**act, "act": [act]}), ("inner-null", {**act, "act": None})]:
        base.add(f"act-{slug}", "claim", "`act` is not an object that names an actor", ["TX-23"], also=["malformed"], claims={"act": value}, attacks=["F10"])
    for member, value in [("exp", NOW), ("nbf", NOW), ("aud", "https://api.example"), ("cnf", {"jkt": "x"}), ("scope", "admin")]:
        base.add(f"act-with-{member}", "claim", f"`{member}` inside `act` is no identity claim", ["TX-24"], claims={"act": {**act, member: value}}, attacks=["F10"])
    base.add("act-deep", "claim", "80 actors inside each other", ["TX-25"], also=["malformed"], claims={"act": deep}, attacks=["F10", "F37"])
    inner = jose.text(act, '"sub":"spiffe://prod.example/agent/admin"').decode()
    base.add("act-duplicate-sub", "malformed", "`sub` twice inside `act`", ["BCP-19"], also=["claim"], claims=jose.text(jose.edit(base.claims, {"act": ...}), f'"act":{inner}'), attacks=["F10", "F31"])
    twice = jose.text(base.claims, '"act":{"iss":"spiffe://prod.example","sub":"spiffe://prod.example/agent/admin"}')
    base.add("act-twice", "malformed", "two `act` claims", ["BCP-19"], also=["claim"], claims=twice, attacks=["F10", "F31"])


def platform(keys):
    """What a CI system or a cloud says of a workload, presented as a client assertion: an OpenID token whose only audience we are."""
    iss = "https://ci.example"
    vectors = Set("platform-token", [*COMMON, "cnf"], issuer=iss, audiences=[STS], algorithms=["RS256", "ES256"], jwks=jwks(keys))
    header = {"alg": "ES256", "kid": "issuer-es256", "typ": "JWT"}
    claims = {"iss": iss, "sub": "repo:octo/app:ref:refs/heads/main", "aud": STS, "exp": NOW + 600, "nbf": NOW - 5, "iat": NOW, "jti": "a", "repository_owner_id": "1001", "repository_id": "2002", "ref": "refs/heads/main"}
    base = jose.Base(vectors, "token", header, claims, keys["issuer-es256"], ["PRAC-01", "ASSERT-04"])
    for alg, name in [("ES256", "issuer-es256"), ("RS256", "issuer-rsa")]:
        base.add(f"good-{alg.lower()}", "accept", f"a good token, {alg}", ["PRAC-01"], header={"alg": alg, "kid": name}, key=keys[name], algorithm=alg, needs=[alg])
    base.add("good-audience-list", "accept", "`aud` as a list of one", ["PRAC-02"], claims={"aud": [STS]})
    base.add("good-claims-of-any-shape", "accept", "claims that mean something to the platform alone", ["PRAC-08"], claims={"a": {"b": [1, None, True]}, "azp": "x", "nonce": "y", "scope": "z"})
    base.add("good-no-nbf-no-iat", "accept", "`nbf` and `iat` need not be there", ["ASSERT-05"], claims={"nbf": ..., "iat": ...})
    base.add("typ-missing", "accept", "`typ` may be absent", ["PRAC-01"], header={"typ": ...})
    base.add("typ-jose", "accept", "`typ` may be `JOSE`", ["PRAC-01"], header={"typ": "JOSE"})
    base.add("key-of-other-issuer", "key", "the key of another issuer", ["BCP-07"], also=["signature"], header={"kid": "other-es256"}, key=keys["other-es256"], attacks=["F33"])
    for alg, name in [("ES384", "issuer-es384"), ("PS256", "issuer-rsa"), ("EdDSA", "issuer-ed25519")]:
        base.add(f"algorithm-not-allowed-{alg.lower()}", "algorithm", f"{alg}, which this platform does not sign with", ["BCP-01", "BCP-02"], header={"alg": alg, "kid": name}, key=keys[name], algorithm=alg, attacks=["F30"])
    jose.add_common(base)
    jose.add_key_selection(base, keys, "sig")
    for typ in TYPES:
        if typ not in ("JWT", "JOSE"):
            base.add(f"typ-{typ.replace('+', '-')}", "typ", f"`typ` is `{typ}`", ["PRAC-01", "BCP-13"], header={"typ": typ}, attacks=["F01"])
    times(base, ["ASSERT-04", "BCP-20"])
    issuers(base, iss, ["PRAC-06", "BCP-07", "META-10"])
    audiences(base, STS, ["PRAC-02", "ASSERT-06", "BCP-09"])
    for slug, value in [("two", [STS, "https://other.example"]), ("two-ours-last", ["https://other.example", STS]), ("twice-ours", [STS, STS]), ("token-endpoint", STS + "/token")]:
        base.add(f"audience-{slug}", "audience", "somebody else could be meant too, or is", ["PRAC-02", "ASSERT-06"], also=["claim"], claims={"aud": value}, attacks=["F16"])
    for name, value in [("events", {"https://schemas.example/event": {}}), ("act", {"sub": "x"}), ("cnf", {"jkt": "x"}), ("act", None)]:
        base.add(f"claim-{name}" + ("-null" if value is None else ""), "claim", f"`{name}` makes it another kind of token", ["BCP-12", "BCP-13"], also=["malformed", *([name] if name == "cnf" else [])], claims={name: value}, attacks=["F01"])
    for slug, value in [("missing", ...), ("null", None), ("empty", ""), ("number", 7), ("array", ["x"])]:
        base.add(f"subject-{slug}", "claim", "`sub` is missing or of the wrong type", ["ASSERT-04"], also=["malformed"], claims={"sub": value}, attacks=["F07"])
    base.add("subject-spiffe", "claim", "`sub` names a workload of a trust domain: that is not for a platform to say", ["SID-08"], claims={"sub": "spiffe://prod.example/agent/planner"}, attacks=["F07", "F17"])
    return vectors
