"""One file of vectors."""

NOW = 1_800_000_000
TYPES = [
    "JWT", "JOSE", "at+jwt", "wit+jwt", "wpt+jwt", "dpop+jwt", "client-authentication+jwt",
    "txntoken+jwt", "oauth-id-jag+jwt", "secevent+jwt", "statuslist+jwt", "token-introspection+jwt",
    "logout+jwt", "wimse-id+jwt",
]


class Set:
    """The vectors of one kind, in the order in which they were added."""

    def __init__(self, kind, reasons, **base):
        self.kind = kind
        self.reasons = reasons
        self.base = base
        self.vectors = []

    def add(self, slug, expect, rules, notes, attacks=(), also=(), now=NOW, needs=(), source=None, thumbprint=None, authorities=None, count=None, handover=None, **changes):
        """Adds one vector; `changes` override the inputs that all vectors of the set share."""
        assert expect == "accept" or expect in self.reasons, (slug, expect)
        assert all(reason in self.reasons for reason in also), (slug, also)
        vector = {"id": f"{self.kind}/{slug}", "kind": self.kind, "rules": list(rules), "attacks": list(attacks), "now": now}
        merged = {**self.base, **changes}
        vector["input"] = {name: value for name, value in merged.items() if value is not None}
        vector["expect"] = expect
        if also:
            vector["expect_also"] = list(also)
        if thumbprint:
            vector["expect_thumbprint"] = thumbprint
        if authorities is not None:
            vector["expect_authorities"] = authorities
        if count is not None:
            vector["expect_keys"] = count
        if handover is not None:
            vector["expect_handover"] = handover
        if needs:
            vector["needs"] = list(needs)
        if source:
            vector["source"] = source
        vector["notes"] = notes
        self.vectors.append(vector)

    def document(self):
        """The JSON document of the file."""
        return {"kind": self.kind, "reasons": self.reasons, "vectors": self.vectors}
