"""Statements about a user or a workload, for the token service alone: approvals and postures."""

from . import jose
from .set import NOW, TYPES, Set
from .tokens import COMMON, STS, audiences, issuers, jwks, times

AGENT = "spiffe://prod.example/agent/planner"
TARGET = "https://api.example/calendar"
TYPED = {"approval-token": "procura-approval+jwt", "posture-token": "procura-posture+jwt"}


def common(kind, keys, iss, claims, rules, longest):
    """A set with all that both kinds share."""
    vectors = Set(kind, [*COMMON, "identifier", "cnf"], issuer=iss, audience=STS, algorithms=["ES256", "RS256", "EdDSA"], jwks=jwks(keys))
    typ = TYPED[kind]
    header = {"typ": typ, "alg": "ES256", "kid": "issuer-es256"}
    claims = {"iss": iss, "aud": STS, **claims, "jti": "0190f0f0-0000-7000-8000-000000000003", "iat": NOW - 600, "exp": NOW + 600}
    base = jose.Base(vectors, "token", header, claims, keys["issuer-es256"], rules)
    for alg, name in [("ES256", "issuer-es256"), ("RS256", "issuer-rsa"), ("EdDSA", "issuer-ed25519")]:
        base.add(f"good-{alg.lower()}", "accept", f"a good statement, {alg}", header={"alg": alg, "kid": name}, key=keys[name], algorithm=alg, needs=[alg])
    base.add("good-typ-long", "accept", f"`application/{typ}` is the same type", ["BCP-14"], header={"typ": "application/" + typ})
    base.add("good-audience-list", "accept", "`aud` as a list of one", ["BCP-09"], claims={"aud": [STS]})
    base.add("good-nbf", "accept", "an `nbf` that is not later than `iat`", claims={"nbf": NOW - 600})
    base.add("good-longest", "accept", "it lasts as long as one may", claims={"exp": NOW - 600 + longest})
    base.add("good-more-claims", "accept", "unknown claims are ignored", claims={"example.com/x": [1]})
    base.add("algorithm-not-allowed", "algorithm", "ES384, which this issuer does not sign with", ["BCP-01", "BCP-02"], header={"alg": "ES384", "kid": "issuer-es384"}, key=keys["issuer-es384"], algorithm="ES384", attacks=["F30"])
    base.add("key-of-other-issuer", "key", "the key of another issuer", ["BCP-07"], also=["signature"], header={"kid": "other-es256"}, key=keys["other-es256"], attacks=["F33"])
    jose.add_common(base)
    jose.add_key_selection(base, keys, "sig")
    for other in [*TYPES, *TYPED.values()]:
        if other != typ:
            base.add(f"typ-{other.lower().replace('+', '-')}", "typ", f"`typ` is `{other}`", ["BCP-13"], header={"typ": other}, attacks=["F01"])
    base.add("typ-missing", "typ", "no `typ`: many tokens look like that", ["BCP-13"], header={"typ": ...}, attacks=["F01"])
    times(base, ["BCP-20"])
    base.add("time-iat-ahead", "time", "`iat` is ahead", ["BCP-20"], claims={"iat": NOW + 63}, attacks=["F35"])
    base.add("time-too-long", "claim", "a second longer than one may last", also=["time"], claims={"exp": NOW - 599 + longest}, attacks=["F35"])
    base.add("time-backwards", "claim", "`exp` is before `iat`", also=["time"], claims={"iat": NOW + 30, "exp": NOW + 29}, attacks=["F35"])
    base.add("time-no-length", "claim", "`exp` is `iat`", also=["time"], claims={"iat": NOW + 30, "exp": NOW + 30}, attacks=["F35"])
    issuers(base, iss, ["BCP-07"])
    audiences(base, STS, ["BCP-09"])
    for slug, value in [("two", [STS, "https://other.example"]), ("two-ours-last", ["https://other.example", STS]), ("token-endpoint", STS + "/token")]:
        base.add(f"audience-{slug}", "audience", "somebody else could be meant too, or is", ["BCP-09"], also=["claim"], claims={"aud": value}, attacks=["F16"])
    for name, value in [("events", {"https://schemas.example/event": {}}), ("act", {"sub": AGENT}), ("cnf", {"jkt": "x"}), ("act", None)]:
        base.add(f"claim-{name}" + ("-null" if value is None else ""), "claim", f"`{name}` says what would be ignored", ["BCP-12"], also=["malformed", *([name] if name == "cnf" else [])], claims={name: value}, attacks=["F01"])
    for claim in ["sub", "jti", "iat"]:
        base.add(f"claim-{claim}-missing", "claim", f"no `{claim}`", also=["malformed"], claims={claim: ...})
    for claim in ["sub", "jti"]:
        base.add(f"claim-{claim}-empty", "claim", f"`{claim}` is empty", also=["malformed"], claims={claim: ""})
        base.add(f"claim-{claim}-number", "claim", f"`{claim}` is a number", also=["malformed"], claims={claim: 7})
    return base


def wrong(base, claim, values, notes, attacks=("F07",)):
    for slug, value in values:
        base.add(f"{claim}-{slug}", "claim", notes, also=["malformed", "identifier"], claims={claim: value}, attacks=list(attacks))


def approval(keys):
    idp = "https://idp.corp.example"
    claims = {"sub": "alice@corp.example", "user": {"iss": idp, "sub": "alice"}, "agent": AGENT, "target": TARGET, "scope": "calendar.read"}
    base = common("approval-token", keys, "https://consent.example", claims, ["AUD-09", "BCP-12"], 24 * 3600)
    base.add("good-no-scope", "accept", "no `scope`: all of the target's", claims={"scope": ...})
    base.add("good-more-in-user", "accept", "more is known of the user", claims={"user": {"iss": idp, "sub": "alice", "name": "Alice"}})
    wrong(base, "user", [("missing", ...), ("null", None), ("string", "alice"), ("array", [idp, "alice"]), ("empty", {}), ("no-issuer", {"sub": "alice"}), ("no-subject", {"iss": idp}), ("subject-number", {"iss": idp, "sub": 7}),
                         ("issuer-no-url", {"iss": "idp", "sub": "alice"}), ("subject-empty", {"iss": idp, "sub": ""})], "`user` does not name one user of one issuer")
    wrong(base, "agent", [("missing", ...), ("null", None), ("short", "planner"), ("pattern", "spiffe://prod.example/agent/*"), ("array", [AGENT]), ("trust-domain", "spiffe://prod.example"), ("encoded", "spiffe://prod.example/agent/pl%61nner")], "`agent` does not name one workload", ["F07", "F17"])
    wrong(base, "target", [("missing", ...), ("null", None), ("relative", "/calendar"), ("array", [TARGET]), ("fragment", TARGET + "#x"), ("empty", "")], "`target` is not one absolute URI", ["F06"])
    wrong(base, "scope", [("empty", ""), ("null", None), ("array", ["calendar.read"]), ("double-space", "calendar.read  calendar.write"), ("quote", 'calendar.read"')], "`scope` is not a list of scope tokens, or is one of none", ["F05"])
    twice = jose.text(base.claims, f'"agent":"spiffe://prod.example/agent/other"')
    base.add("agent-twice", "malformed", "two `agent` claims", ["BCP-19"], also=["claim"], claims=twice, attacks=["F31"])
    inner = '{"iss":"' + idp + '","sub":"alice","sub":"admin"}'
    base.add("user-subject-twice", "malformed", "`sub` twice inside `user`", ["BCP-19"], also=["claim"], claims=jose.text(jose.edit(base.claims, {"user": ...}), f'"user":{inner}'), attacks=["F31"])
    return base.vectors


def posture(keys):
    said = {"edr": "healthy", "image_signed": True, "critical_cves": 0, "score": 7.25}
    base = common("posture-token", keys, "https://edr.example", {"sub": AGENT, "posture": said}, ["AUD-02", "BCP-12"], 3600)
    base.add("good-most-names", "accept", "as many names as there may be", claims={"posture": {f"n{i}": i for i in range(32)}})
    base.add("good-longest-value", "accept", "a value as long as one may be", claims={"posture": {"a": "x" * 256}})
    wrong(base, "sub", [("user", "alice"), ("trust-domain", "spiffe://prod.example"), ("pattern", "spiffe://prod.example/agent/*"), ("array", [AGENT])], "`sub` does not name one workload", ["F07", "F17"])
    wrong(base, "posture", [("missing", ...), ("null", None), ("array", ["edr"]), ("string", "healthy"), ("empty", {}), ("inner-null", {"edr": None}), ("inner-object", {"edr": {"state": "healthy"}}), ("inner-array", {"edr": ["healthy"]}),
                            ("too-many", {f"n{i}": i for i in range(33)}), ("long-name", {"n" * 65: 1}), ("long-value", {"a": "x" * 257}), ("name-empty", {"": 1}), ("name-with-space", {"a b": 1})], "`posture` is not a small flat object", ["F37"])
    base.add("posture-name-twice", "malformed", "a finding twice", ["BCP-19"], also=["claim"], claims=jose.text(jose.edit(base.claims, {"posture": ...}), '"posture":{"edr":"infected","edr":"healthy"}'), attacks=["F31"])
    return base.vectors
