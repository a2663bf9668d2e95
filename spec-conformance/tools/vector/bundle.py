"""The keys for JWT-SVIDs and WIT-SVIDs in a SPIFFE bundle, and in what the Workload API serves."""

from .certificate import collected
from .keys import public
from .set import Set

REASONS = ["malformed", "key"]
TOO_LARGE = 1 << 64


def build(keys):
    made = Set("key-bundle", REASONS, use="jwt-svid", served_by="file")
    one, two = (public(keys[name], use="jwt-svid") for name in ("issuer-es256", "issuer-es384"))
    wit = public(keys["issuer-es512"], use="wit-svid")
    good(made, one, two, wit, keys)
    entries(made, one, two)
    members(made, one)
    published(made)
    return made


def wrap(*entries, **more):
    return {"keys": list(entries), **more}


def good(made, one, two, wit, keys):
    counted = lambda slug, count, rules, notes, **input: made.add(slug, "accept", rules, notes, count=count, **input)
    counted("good", 2, ["BUNDLE-02", "JSVID-13"], "two keys, as during a rotation", bundle=wrap(one, two))
    counted("good-counted", 1, ["BUNDLE-03", "BUNDLE-04"], "with a sequence and a refresh hint", bundle=wrap(one, spiffe_sequence=12, spiffe_refresh_hint=300))
    counted("good-sequence-of-64-bits", 1, ["BUNDLE-03"], "the largest sequence of 64 bits", bundle=wrap(one, spiffe_sequence=TOO_LARGE - 1))
    counted("good-more-members", 1, ["BUNDLE-02"], "members nobody knows, in the bundle and in a key", bundle=wrap({**one, "example.com/x": 1}, **{"example.com/x": [1]}))
    counted("good-apart", 1, ["BUNDLE-06", "WAPI-09", "JSVID-14"], "a key for each use: only the JWT-SVIDs' counts for JWT-SVIDs", bundle=wrap(one, wit))
    counted("good-apart-wit", 1, ["BUNDLE-06", "WAPI-09", "WSVID-24"], "the same bundle, for WIT-SVIDs", use="wit-svid", bundle=wrap(one, wit))
    counted("good-rsa", 1, ["BUNDLE-02"], "an RSA key", bundle=wrap(public(keys["issuer-rsa"], use="jwt-svid")))
    counted("good-served", 2, ["WAPI-13"], "the Workload API serves one kind of keys: they need no `use`", served_by="workload-api", bundle=wrap(public(one, use=None), public(two, use=None)))
    counted("good-served-with-use", 1, ["WAPI-13"], "and may have it", served_by="workload-api", bundle=wrap(one))


def entries(made, one, two):
    rules = ["BUNDLE-06", "BUNDLE-07"]
    left_out = {"no-use": public(one, use=None), "use-case": {**one, "use": "JWT-SVID"}, "use-signatures": {**one, "use": "sig"}, "use-list": {**one, "use": ["jwt-svid"]}, "kind-unknown": {**one, "kty": "XYZ"}, "kind-missing": public(one, kty=None)}
    for slug, entry in left_out.items():
        made.add(f"entry-{slug}", "key", rules, "the only entry is one to pass over, so nobody is believed", bundle=wrap(entry))
        made.add(f"entry-{slug}-beside", "accept", rules, "such an entry beside a good one does no harm", bundle=wrap(entry, two), count=1)
    made.add("entry-of-other-use-served", "key", ["WAPI-09", "WAPI-13"], "a key for WIT-SVIDs among those for JWT-SVIDs", served_by="workload-api", bundle=wrap({**one, "use": "wit-svid"}), attacks=["F17"])
    made.add("entry-no-kid", "accept", ["JSVID-13", "WAPI-18"], "one of two keys has no `kid`: only the other counts, or nothing does", also=["malformed"], bundle=wrap(public(one, kid=None), two), count=1)
    for slug, entry in {"text": "x", "null": None, "number": 7, "list": [one]}.items():
        made.add(f"entry-{slug}", "accept", ["BUNDLE-06"], "an entry that is no key stands beside a good one", also=["malformed"], bundle=wrap(entry, two), count=1)
    made.add("entry-off-curve", "key", ["BUNDLE-07", "BCP-05"], "the point is not on its curve", also=["malformed"], bundle=wrap({**one, "y": one["x"]}))
    made.add("entry-secret", "key", ["BUNDLE-06", "BCP-01"], "a symmetric key", also=["malformed"], bundle=wrap({"kty": "oct", "k": "AAAA", "kid": "s", "use": "jwt-svid"}), attacks=["F30"])
    made.add("entries-too-many", "malformed", ["BUNDLE-02"], "1,000 entries", also=["key"], bundle=wrap(*({"kty": "XYZ", "kid": str(number)} for number in range(1_000))), attacks=["F33"])


def members(made, one):
    made.add("empty", "key", ["BUNDLE-05", "BUNDLE-07"], "no keys: allowed, and nobody is believed", bundle=wrap())
    made.add("keys-missing", "malformed", ["BUNDLE-05"], "no `keys`", bundle={})
    for slug, value in {"null": None, "object": {"a": one}, "text": "[]"}.items():
        made.add(f"keys-{slug}", "malformed", ["BUNDLE-05"], "`keys` is no array", bundle={"keys": value})
    wrong = {"text": "7", "negative": -1, "fraction": 1.5, "too-large": TOO_LARGE, "null": None, "list": [7]}
    for member, rule in (("spiffe_sequence", "BUNDLE-03"), ("spiffe_refresh_hint", "BUNDLE-04")):
        for slug, value in wrong.items():
            made.add(f"{member.removeprefix('spiffe_').replace('_', '-')}-{slug}", "malformed", [rule], f"`{member}` is no unsigned integer of 64 bits", bundle=wrap(one, **{member: value}))


def published(made):
    def add(files):
        for slug, use in [("jwtbundle", "jwt-svid"), ("witbundle", "wit-svid")]:
            for name, count in [("valid-1", 1), ("valid-2", 2), ("missing-kid", 1)]:
                file = files[f"{slug}-go-jwks-{name}"]
                said = file["expect"]["go_spiffe"]
                notes = f"go-spiffe: {said}" + ("; the key that has a `kid` may count all the same" if said == "reject" else "")
                made.add(f"published-go-{slug}-{name}", "accept", ["WAPI-13"] if slug == "jwtbundle" else ["WAPI-18"], notes, also=["malformed", "key"] if said == "reject" else (), use=use, served_by="workload-api", bundle=file["document"], count=count, source=file["source"])
        for name, verdict in [("valid-1", "accept"), ("valid-2", "accept"), ("no-keys", "malformed"), ("missing-kid", "key")]:
            file = files[f"bundle-go-spiffebundle-{name}"]
            said = file["expect"]["go_spiffe"] + (f" ({file['expect']['reason']})" if "reason" in file["expect"] else "")
            count = sum(key.get("use") == "jwt-svid" for key in file["document"].get("keys") or []) if verdict == "accept" else None
            made.add(f"published-go-spiffebundle-{name}", verdict, ["BUNDLE-02", "BUNDLE-05"], f"go-spiffe: {said}", also=["malformed"] if verdict == "key" else (), bundle=file["document"], count=count, source=file["source"])
        file = files["bundle-go-spiffebundle-valid-with-wit"]
        made.add("published-go-spiffebundle-valid-with-wit", "accept", ["WSVID-24"], "go-spiffe: " + file["expect"]["go_spiffe"], use="wit-svid", bundle=file["document"], count=sum(key.get("use") == "wit-svid" for key in file["document"]["keys"]), source=file["source"])
        file = files["bundle-map-appendix-b"]
        source, said = file["source"], "published as a shape: "
        made.add("published-spec-map", "malformed", ["BUNDLE-05"], said + "a map of bundles is no bundle", bundle=file["document"], source=source)
        made.add("published-spec-map-example-com", "key", ["BUNDLE-07"], said + "its one key is a placeholder", bundle=file["document"]["trust_domains"]["example.com"], source=source)
        for name in ("1", "2"):
            file = files[f"bundle-appendix-a-{name}"]
            made.add(f"published-spec-appendix-a-{name}", "key", ["BUNDLE-07"], said + "no key for JWT-SVIDs", bundle=file["document"], source=file["source"])
    collected(made, add)
