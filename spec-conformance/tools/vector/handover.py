"""Delegations handed over as Biscuits (docs/handover.md), octet by octet: neither Biscuit's library nor ours makes them.

biscuit-python is asked afterwards: it must believe what a vector says is well signed, and say no where only a
signature is wrong.
"""

import base64
import hashlib

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ed25519, utils

from . import sign
from .keys import bare, public
from .set import NOW, Set
from .svid import bundle

ISSUER, TARGET = "https://sts.example", "https://api.example/calendar"
PLANNER, RESEARCHER, ARCHIVIST = (f"spiffe://prod.example/agent/{name}" for name in ("planner", "researcher", "archivist"))
REASONS = ["malformed", "claim", "key", "signature", "time", "audience", "issuer", "identifier", "wit", "cnf"]
WELL_KNOWN = ["read", "write", "resource", "operation", "right", "time", "role", "owner", "tenant", "namespace", "user", "team", "service", "admin", "email", "group", "member", "ip_address", "client", "client_ip", "domain", "path",
              "version", "cluster", "node", "hostname", "nonce", "query"]


# Protocol Buffers

def varint(number):
    out = bytearray()
    while number > 0x7F:
        out.append(number & 0x7F | 0x80)
        number >>= 7
    return bytes([*out, number])


def number(field, value):
    return varint(field << 3) + varint(value)


def octets(field, value):
    return varint(field << 3 | 2) + varint(len(value)) + value


# Datalog

class Symbols:
    def __init__(self):
        self.own = []

    def of(self, text):
        if text in WELL_KNOWN:
            return WELL_KNOWN.index(text)
        if text not in self.own:
            self.own.append(text)
        return 1024 + self.own.index(text)


def term(symbols, value):
    kind, value = value
    if kind == "set":
        return octets(7, b"".join(octets(1, number(3, index)) for index in sorted(symbols.of(text) for text in value)))
    if kind == "variable":
        return number(1, symbols.of(value))
    return number({"integer": 2, "string": 3, "date": 4}[kind], symbols.of(value) if kind == "string" else value)


def predicate(symbols, name, terms):
    return number(1, symbols.of(name)) + b"".join(octets(2, term(symbols, value)) for value in terms)


def query(symbols, name, argument, operands=(), operator=None):
    rule = octets(1, predicate(symbols, "query", [])) + octets(2, predicate(symbols, name, [argument]))
    if operator is None:
        return rule
    ops = b"".join(octets(1, octets(1, term(symbols, value))) for value in operands) + octets(1, octets(3, number(1, operator)))
    return rule + octets(3, ops)


LESS_THAN, CONTAINS, ALL = 0, 5, 1


def check(symbols, what):
    kind, value = what
    if kind == "ends":
        return octets(1, query(symbols, "time", ("variable", "time"), [("variable", "time"), ("date", value)], LESS_THAN))
    if kind == "target":
        return octets(1, query(symbols, "target", ("string", value)))
    return octets(1, query(symbols, "scope", ("variable", "scope"), [("set", sorted(value)), ("variable", "scope")], CONTAINS)) + number(2, ALL)


def block(facts, checks, version, more=b""):
    symbols = Symbols()
    facts = b"".join(octets(4, octets(1, predicate(symbols, name, terms))) for name, terms in facts)
    checks = b"".join(octets(6, check(symbols, what)) for what in checks)
    return b"".join(octets(1, text.encode()) for text in symbols.own) + number(3, version) + facts + more + checks


# Biscuit

def biscuit_key(key):
    if key["kty"] == "OKP":
        return number(1, 0) + octets(2, sign.unb64u(key["x"]))
    return number(1, 1) + octets(2, bytes([2 | sign.unb64u(key["y"])[-1] & 1]) + sign.unb64u(key["x"]))


def signature(key, message):
    if key["kty"] == "OKP":
        return sign.signature(message, key, "EdDSA")
    raw = sign.signature(message, key, "ES256")
    return utils.encode_dss_signature(int.from_bytes(raw[:32], "big"), int.from_bytes(raw[32:], "big"))


class Next:
    """The key between two blocks: always the same for the same vector."""

    def __init__(self, name):
        self.seed = hashlib.sha256(name.encode()).digest()
        self.pair = ed25519.Ed25519PrivateKey.from_private_bytes(self.seed)
        self.octets = self.pair.public_key().public_bytes(serialization.Encoding.Raw, serialization.PublicFormat.Raw)
        self.key = number(1, 0) + octets(2, self.octets)


class Biscuit:
    def __init__(self, slug, body, root):
        self.slug, self.next = slug, Next(f"{slug}/0")
        self.root_key_id = int.from_bytes(hashlib.sha256(thumbprint_input(root)).digest()[:4], "big")
        self.signature = signature(root, body + (0).to_bytes(4, "little") + self.next.octets)
        self.blocks = [octets(1, body) + octets(2, self.next.key) + octets(3, self.signature)]

    def hand_over(self, body, holder, shown=None):
        """`holder` signs; `shown` is the key that is named, if another."""
        following, version = Next(f"{self.slug}/{len(self.blocks)}"), (1).to_bytes(4, "little")
        external = signature(holder, b"\0EXTERNAL\0\0VERSION\0" + version + b"\0PAYLOAD\0" + body + b"\0PREVSIG\0" + self.signature)
        message = b"\0BLOCK\0\0VERSION\0" + version + b"\0PAYLOAD\0" + body + b"\0ALGORITHM\0" + (0).to_bytes(4, "little") + b"\0NEXTKEY\0" + following.octets
        message += b"\0PREVSIG\0" + self.signature + b"\0EXTERNALSIG\0" + external
        self.signature = self.next.pair.sign(message)
        self.blocks.append(octets(1, body) + octets(2, following.key) + octets(3, self.signature)
                           + octets(4, octets(1, external) + octets(2, biscuit_key(shown or holder))) + number(5, 1))
        self.next = following
        return self

    def append(self, body):
        """A block that nobody signed for."""
        following, version = Next(f"{self.slug}/{len(self.blocks)}"), (1).to_bytes(4, "little")
        message = b"\0BLOCK\0\0VERSION\0" + version + b"\0PAYLOAD\0" + body + b"\0ALGORITHM\0" + (0).to_bytes(4, "little") + b"\0NEXTKEY\0" + following.octets + b"\0PREVSIG\0" + self.signature
        self.signature = self.next.pair.sign(message)
        self.blocks.append(octets(1, body) + octets(2, following.key) + octets(3, self.signature) + number(5, 1))
        self.next = following
        return self

    def octets(self, blocks=None, proof=None, root_key_id=...):
        blocks = blocks or self.blocks
        root_key_id = self.root_key_id if root_key_id is ... else root_key_id
        head = b"" if root_key_id is None else number(1, root_key_id)
        return head + octets(2, blocks[0]) + b"".join(octets(3, one) for one in blocks[1:]) + octets(4, proof or octets(1, self.next.seed))


def text(data):
    return base64.urlsafe_b64encode(data).decode()


def thumbprint_input(key):
    if key["kty"] == "OKP":
        return f'{{"crv":"{key["crv"]}","kty":"OKP","x":"{key["x"]}"}}'.encode()
    return f'{{"crv":"{key["crv"]}","kty":"EC","x":"{key["x"]}","y":"{key["y"]}"}}'.encode()


# What the blocks say

def string(name, value):
    return name, [("string", value)]


def first(key, actor=PLANNER, scopes=("calendar.read", "calendar.write"), groups=("staff",), actors=None, **changes):
    facts = {
        "handover": ("handover", [("integer", 1)]), "issuer": string("issuer", ISSUER), "token": string("token", "token-1"),
        "issued": ("issued", [("date", NOW)]), "expires": ("expires", [("date", NOW + 600)]), "subject": string("subject", "corp:alice"),
        "audience": string("audience", TARGET), "holder": string("holder", thumbprint_input(key).decode()),
        "delegation": ("delegation", [("string", "delegation-1"), ("date", NOW + 1800)]), "parent": None,
    }
    facts.update({name: fact for name, fact in changes.items() if name in facts})
    listed = [fact for fact in facts.values() if fact]
    for place, (name, *profile) in enumerate(actors or [(actor, "ai_agent")]):
        listed.append(("actor", [("integer", place), ("string", name), *(("string", one) for one in profile)]))
    listed += [string("group", group) for group in groups] + [string("permits", scope) for scope in sorted(scopes)]
    listed += [("auth_time", [("date", NOW - 60)]), string("acr", "phr"), string("amr", "hwk"), string("amr", "user")]
    listed += changes.get("more", [])
    end = facts["expires"][1][0][1] if facts["expires"] else NOW + 600
    checks = changes.get("checks", [("ends", end), ("target", facts["audience"][1][0][1] if facts["audience"] else TARGET), ("scope", scopes)])
    return block(listed, checks, changes.get("version", 4), changes.get("raw", b""))


def hop(wit, scopes=("calendar.read",), end=NOW + 600, **changes):
    facts = [string("wit", wit), ("expires", [("date", end)]), *(string("permits", scope) for scope in sorted(scopes)), *changes.get("more", [])]
    return block(changes.get("facts", facts), changes.get("checks", [("ends", end), ("scope", scopes)]), changes.get("version", 5), changes.get("raw", b""))


def wit(keys, sub, key, issuer="issuer-es256", exp=NOW + 3600):
    cnf = {"jwk": {**bare(keys[key]), "alg": "EdDSA" if keys[key]["kty"] == "OKP" else "ES256"}}
    claims = {"iss": "spiffe://prod.example/token-service", "sub": sub, "exp": exp, "iat": NOW, "jti": f"wit-of-{key}", "cnf": cnf}
    return sign.jws({"typ": "wit+jwt", "alg": "ES256", "kid": issuer}, claims, keys[issuer])


def jkt(key):
    return sign.b64u(hashlib.sha256(thumbprint_input(key)).digest())


def build(keys):
    root, planner, researcher, archivist = (keys[name] for name in ("issuer-ed25519", "agent-es256", "second-es256", "third-es256"))
    vectors = Set("handover", REASONS, issuer=ISSUER, audience=TARGET, jwks={"keys": [public(root, use="sig")]}, trust_domain="prod.example", bundle=bundle(keys, "wit-svid"))
    to_researcher, to_archivist = wit(keys, RESEARCHER, "second-es256"), wit(keys, ARCHIVIST, "third-es256")

    def add(slug, expect, rules, notes, biscuit, **more):
        vectors.add(slug, expect, rules, notes, biscuit=biscuit if isinstance(biscuit, str) else text(biscuit), **more)

    def accepted(slug, rules, notes, biscuit, actors, key, scope="calendar.read", end=NOW + 600, **more):
        add(slug, "accept", rules, notes, biscuit, handover={"actors": actors, "scope": scope, "expires": end, "jkt": jkt(key)}, **more)

    def issued(slug, **changes):
        return Biscuit(slug, first(planner, **changes), root)

    def once(slug, body=None, holder=planner, **changes):
        return issued(slug).hand_over(body or hop(to_researcher, **changes), holder)

    def twice(slug, **changes):
        return once(slug).hand_over(hop(to_archivist, **{"end": NOW + 300, **changes}), researcher)

    whole = "calendar.read calendar.write"
    accepted("good", ["HO-03", "HO-08"], "as it was issued", issued("good").octets(), [PLANNER], planner, whole)
    accepted("good-ed25519", ["HO-03"], "the first holder has an Ed25519 key", Biscuit("good-ed25519", first(keys["agent-ed25519"]), root).octets(), [PLANNER], keys["agent-ed25519"], whole)
    accepted("good-parent", ["HO-03"], "made from another token, by the second of two actors", issued("good-parent", parent=string("parent", "token-0"), actors=[(PLANNER,), (ARCHIVIST, "ai_agent")]).octets(), [PLANNER, ARCHIVIST], planner, whole)
    accepted("good-no-group", ["HO-03"], "the user is in no group", issued("good-no-group", groups=()).octets(), [PLANNER], planner, whole)
    accepted("good-well-known-symbol", ["HO-05"], "a group and a scope that are symbols every Biscuit knows", Biscuit("good-symbol", first(planner, groups=("team",), scopes=("time", "query")), root).octets(), [PLANNER], planner, "query time")
    accepted("good-once", ["HO-04", "HO-12"], "handed over once, less of it", once("good-once").octets(), [RESEARCHER, PLANNER], researcher)
    accepted("good-once-by-ed25519", ["HO-12"], "an Ed25519 key signs for it", Biscuit("by-ed25519", first(keys["agent-ed25519"]), root).hand_over(hop(to_researcher), keys["agent-ed25519"]).octets(), [RESEARCHER, PLANNER], researcher)
    accepted("good-all", ["HO-06", "HO-07"], "handed over whole", once("good-all", scopes=("calendar.read", "calendar.write")).octets(), [RESEARCHER, PLANNER], researcher, whole)
    accepted("good-twice", ["HO-06", "HO-07", "HO-12"], "handed over twice, and for less time", twice("good-twice").octets(), [ARCHIVIST, RESEARCHER, PLANNER], archivist, end=NOW + 300)
    short = wit(keys, RESEARCHER, "second-es256", exp=NOW + 120)
    accepted("good-short-wit", ["HO-11"], "it ends with a holder's WIT", once("good-short-wit", hop(short)).octets(), [RESEARCHER, PLANNER], researcher, end=NOW + 120)
    accepted("good-in-leeway", ["HO-10"], "ended less than the leeway ago", once("good-in-leeway").octets(), [RESEARCHER, PLANNER], researcher, now=NOW + 657)

    # Text and container
    good = once("shape")
    data = good.octets()
    add("text-no-padding", "malformed", ["HO-01"], "without padding", text(data + b"").rstrip("=") if text(data).endswith("=") else text(data) + "=")
    add("text-standard-alphabet", "malformed", ["HO-01"], "base64 of the other alphabet", "+/" + text(data)[2:])
    add("text-line-feed", "malformed", ["HO-01"], "a line feed at the end", text(data) + "\n")
    add("text-too-long", "malformed", ["HO-01"], "longer than 16 KiB", text(data + octets(9, bytes(13000))))
    add("text-empty", "malformed", ["HO-01"], "nothing", "", also=["claim"])
    add("container-unknown-field", "malformed", ["HO-02"], "a field that nobody knows", data + number(9, 1))
    add("container-other-order", "malformed", ["HO-02"], "the same fields in another order", octets(4, octets(1, good.next.seed)) + good.octets()[:-len(octets(4, octets(1, good.next.seed)))])
    add("container-no-root-key", "malformed", ["HO-02"], "no root key is named", good.octets(root_key_id=None), also=["key"])
    add("container-no-proof", "malformed", ["HO-02"], "no proof", good.octets(proof=octets(1, b"")), also=["signature"])
    add("container-sealed", "malformed", ["HO-02"], "sealed: nobody can hand it over", good.octets(proof=octets(2, bytes(64))))
    add("container-not-signed-for", "malformed", ["HO-02", "HO-12"], "a block that nobody signed for", issued("first-party").append(hop(to_researcher)).octets(), attacks=["F04"])
    add("container-signature-version", "malformed", ["HO-02"], "a signature of the version before", good.octets(blocks=[good.blocks[0], good.blocks[1][:-2]]))
    many = issued("many")
    for _ in range(8):
        many.hand_over(hop(to_researcher), planner)
    add("container-many-blocks", "malformed", ["HO-02"], "eight hand-overs", many.octets())

    # What the blocks say
    for slug in ["handover", "issuer", "token", "issued", "expires", "subject", "audience", "holder", "delegation"]:
        add(f"first-no-{slug}", "malformed", ["HO-03"], f"the first block lacks `{slug}`", issued(f"no-{slug}", **{slug: None}).octets(), also=["claim"])
    wrong = {
        "version": ("another version", {"handover": ("handover", [("integer", 2)])}), "issuer-type": ("`issuer` is no text", {"issuer": ("issuer", [("integer", 1)])}),
        "twice": ("the subject twice", {"more": [string("subject", "corp:bob")]}), "unknown": ("a fact that nobody knows", {"more": [string("role", "admin")]}),
        "actor-place": ("actors in no order", {"actors": None, "more": [("actor", [("integer", 7), ("string", RESEARCHER)])]}),
        "no-scope": ("permits nothing", {"scopes": ()}), "check-missing": ("a check is missing", {"checks": [("ends", NOW + 600), ("target", TARGET)]}),
        "check-later": ("the check ends later than the fact", {"checks": [("ends", NOW + 601), ("target", TARGET), ("scope", ("calendar.read", "calendar.write"))]}),
        "check-target": ("the check names another target", {"checks": [("ends", NOW + 600), ("target", TARGET + "s"), ("scope", ("calendar.read", "calendar.write"))]}),
        "block-version": ("a newer version of Datalog", {"version": 6}), "context": ("a context", {"raw": octets(2, b"x")}), "rule": ("a rule", {"raw": octets(5, octets(1, number(1, 0)))}),
        "trusting": ("it trusts other blocks", {"raw": octets(7, number(1, 1))}), "public-key": ("it names a key", {"raw": octets(8, biscuit_key(planner))}),
        "holder-rsa": ("the holder's key is RSA", {"holder": string("holder", '{"e":"AQAB","kty":"RSA","n":"%s"}' % keys["agent-rsa"]["n"])}),
        "holder-other-spelling": ("the holder's key in another order", {"holder": string("holder", '{"kty":"EC","crv":"P-256","x":"%s","y":"%s"}' % (planner["x"], planner["y"]))}),
    }
    for slug, (notes, changes) in wrong.items():
        add(f"first-{slug}", "malformed", ["HO-03", "HO-05"], notes, issued(f"first-{slug}", **changes).octets(), also=["claim", "key"])
    order = block([string("wit", to_researcher), string("permits", "calendar.read"), ("expires", [("date", NOW + 600)])], [("ends", NOW + 600), ("scope", ("calendar.read",))], 5)
    wrong = {
        "no-wit": ("nobody gets it", hop(to_researcher, facts=[("expires", [("date", NOW + 600)]), string("permits", "calendar.read")])), "two-wits": ("two get it", hop(to_researcher, more=[string("wit", to_archivist)])),
        "no-end": ("no end", hop(to_researcher, facts=[string("wit", to_researcher), string("permits", "calendar.read")])), "no-scope": ("permits nothing", hop(to_researcher, scopes=())),
        "subject": ("another subject", hop(to_researcher, more=[string("subject", "corp:bob")])), "other-order": ("the facts in another order", order),
        "check-missing": ("a check is missing", hop(to_researcher, checks=[("ends", NOW + 600)])), "check-wider": ("the check permits more than the facts", hop(to_researcher, checks=[("ends", NOW + 600), ("scope", ("calendar.read", "mail.read"))])),
        "check-more": ("one check more", hop(to_researcher, checks=[("ends", NOW + 600), ("scope", ("calendar.read",)), ("target", TARGET)])), "rule": ("a rule", hop(to_researcher, raw=octets(5, octets(1, number(1, 0))))),
        "trusting": ("it trusts other blocks", hop(to_researcher, raw=octets(7, number(1, 1)))), "not-utf8": ("a symbol that is no text", octets(1, b"\xff") + hop(to_researcher)),
        "many-facts": ("more facts than there may be", hop(to_researcher, scopes=tuple(f"s{n}" for n in range(127)))),
        "wider": ("more scope than there was", hop(to_researcher, scopes=("calendar.read", "mail.read"))), "later": ("longer than it lasts", hop(to_researcher, end=NOW + 601)),
    }
    for slug, (notes, body) in wrong.items():
        rules = {"wider": ["HO-06"], "later": ["HO-07"]}.get(slug, ["HO-04", "HO-05"])
        add(f"hop-{slug}", "malformed", rules, notes, once(f"hop-{slug}", body).octets(), also=["claim"], attacks=["F03"] if slug in ("wider", "later") else [])
    back = once("wider-again").hand_over(hop(to_archivist, scopes=("calendar.read", "calendar.write")), researcher)
    add("hop-wider-than-before", "malformed", ["HO-06"], "what the hand-over before gave up", back.octets(), also=["claim"])
    later = once("later-again", end=NOW + 300).hand_over(hop(to_archivist, end=NOW + 301), researcher)
    add("hop-later-than-before", "malformed", ["HO-07"], "longer than the hand-over before said", later.octets(), also=["claim"])

    # The issuer, the target, time
    add("root-other", "signature", ["HO-08"], "signed by another key that calls itself the root key", forged(planner, keys["agent-ed25519"], root), also=["key"], attacks=["F07"])
    add("root-unknown", "key", ["HO-08"], "signed by a key that is not the issuer's", Biscuit("root-unknown", first(planner), keys["agent-ed25519"]).octets(), attacks=["F07"])
    add("issuer-other", "issuer", ["HO-09"], "of another issuer", issued("issuer-other", issuer=string("issuer", "https://other.example")).octets())
    add("audience-other", "audience", ["HO-09"], "for another target", issued("audience-other", audience=string("audience", TARGET + "/x")).octets(), attacks=["F06"])
    add("time-over", "time", ["HO-10"], "its end was a minute and some ago", once("time-over").octets(), now=NOW + 663)
    add("time-over-narrowed", "time", ["HO-10"], "the last hand-over's end was a minute and some ago", twice("time-over-narrowed").octets(), now=NOW + 363)
    add("time-not-yet", "time", ["HO-10"], "issued a minute and some from now", issued("time-not-yet").octets(), now=NOW - 63)

    # Holders
    add("wit-expired", "time", ["HO-11"], "a holder's WIT is over", once("wit-expired", hop(short)).octets(), also=["wit"], now=NOW + 183)
    add("wit-other-issuer", "key", ["HO-11"], "a holder's WIT is by a key that the trust domain does not know", once("wit-other-issuer", hop(wit(keys, RESEARCHER, "second-es256", "other-es256"))).octets(), also=["wit", "signature"], attacks=["F17"])
    head, _, tail = to_researcher.rpartition(".")
    add("wit-forged", "signature", ["HO-11"], "a holder's WIT is forged", once("wit-forged", hop(head + "." + sign.b64u(sign.unb64u(tail)[:-1] + b"\0"))).octets(), also=["wit"])
    add("wit-none", "malformed", ["HO-11"], "what should be a WIT is none", once("wit-none", hop("a.b.c")).octets(), also=["wit", "claim"])
    for slug, thief in [("another", researcher), ("ed25519", keys["agent-ed25519"])]:
        add(f"holder-{slug}", "cnf", ["HO-12"], "handed over by who does not hold it", once(f"holder-{slug}", holder=thief).octets(), also=["signature"], attacks=["F04"])
    add("holder-former", "cnf", ["HO-12"], "handed over again by who held it before", once("holder-former").hand_over(hop(to_archivist), planner).octets(), also=["signature"], attacks=["F04"])
    add("holder-pretended", "signature", ["HO-12"], "it names the holder's key and is signed by another", issued("pretended").hand_over(hop(to_researcher), archivist, planner).octets(), attacks=["F04"])
    add("holder-twice", "malformed", ["HO-14"], "handed back to who held it before", once("holder-twice").hand_over(hop(wit(keys, PLANNER, "third-es256")), researcher).octets(), also=["identifier", "claim"], attacks=["F05"])

    # Blocks that were taken or moved
    long, other = twice("taken"), twice("taken-other")
    add("taken-last", "signature", ["HO-15"], "the last hand-over was taken away", long.octets(blocks=long.blocks[:2]), attacks=["F05"])
    add("taken-first", "signature", ["HO-12"], "the first hand-over was taken away", long.octets(blocks=[long.blocks[0], long.blocks[2]]), also=["cnf"], attacks=["F05"])
    add("taken-all", "signature", ["HO-15"], "all hand-overs were taken away", long.octets(blocks=long.blocks[:1]), attacks=["F05"])
    add("moved", "malformed", ["HO-07", "HO-12"], "two hand-overs changed places", long.octets(blocks=[long.blocks[0], long.blocks[2], long.blocks[1]]), also=["signature", "cnf"], attacks=["F05"])
    add("moved-from-another", "signature", ["HO-12"], "a hand-over of another Biscuit", long.octets(blocks=[*long.blocks[:2], other.blocks[2]]), attacks=["F05"])
    add("next-key-p256", "key", ["HO-13"], "a key between blocks that is not Ed25519", once("next-key").octets(blocks=[octets(1, first(planner)) + octets(2, biscuit_key(archivist)) + octets(3, bytes(64)), good.blocks[1]]), also=["signature", "malformed"])
    return vectors


def forged(holder, key, root):
    """Names the root key and is signed by another."""
    biscuit = Biscuit("forged", first(holder), key)
    return biscuit.octets(root_key_id=int.from_bytes(hashlib.sha256(thumbprint_input(root)).digest()[:4], "big"))


def second_opinion(document):
    """biscuit-python believes the signatures of what we accept, and of nothing that we refuse for a signature."""
    import biscuit_auth

    for vector in document["vectors"]:
        given = vector["input"]
        root = sign.unb64u(given["jwks"]["keys"][0]["x"])
        key = biscuit_auth.PublicKey.from_bytes(root, biscuit_auth.Algorithm.Ed25519)
        try:
            believed = biscuit_auth.Biscuit.from_base64(given["biscuit"], key)
        except Exception:  # its own kinds of refusal, all alike here
            believed = None
        assert believed or vector["expect"] != "accept", vector["id"]
        # A forged WIT is nothing to Biscuit.
        assert not believed or vector["expect"] != "signature" or "HO-11" in vector["rules"], vector["id"]
