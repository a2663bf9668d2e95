"""X.509-SVIDs and the bundles that vouch for them (SPIFFE X.509-SVID, RFC 5280), made with `cryptography`."""

import base64
import datetime
import hashlib
import json
import os
import pathlib

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding
from cryptography.x509 import ObjectIdentifier
from cryptography.x509.oid import ExtendedKeyUsageOID as Purpose
from cryptography.x509.oid import NameOID
from jwcrypto import jwk

from .set import NOW, Set

REASONS = ["malformed", "identifier", "usage", "key", "authority", "issuer", "signature", "algorithm", "time", "constraint"]
BUNDLE_REASONS = ["malformed", "authority"]
AGENT = "spiffe://prod.example/agent/planner"
GO = "https://github.com/spiffe/go-spiffe"


def private(key):
    """The private key of a JWK."""
    return serialization.load_pem_private_key(jwk.JWK(**key).export_to_pem(private_key=True, password=None), None)


def der(certificate):
    return base64.b64encode(certificate.public_bytes(serialization.Encoding.DER)).decode()


def bundle(*certificates, use="x509-svid"):
    """A SPIFFE bundle with an entry for each certificate, given as base64."""
    return {"keys": [{"use": use, "kty": "EC", "x5c": [one] if isinstance(one, str) else one} for one in certificates]}


def name(text):
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, text)] if text else [])


def moment(seconds):
    return datetime.datetime.fromtimestamp(seconds, datetime.timezone.utc)


def usage(*set_bits):
    bits = ["digital_signature", "content_commitment", "key_encipherment", "data_encipherment", "key_agreement", "key_cert_sign", "crl_sign"]
    return x509.KeyUsage(**{bit: bit in set_bits for bit in bits}, encipher_only=False, decipher_only=False)


def certificate(subject, subject_key, issuer, issuer_key, extensions, span=(NOW - 60, NOW + 3600), digest=hashes.SHA256()):
    """Signs a certificate; the same input gives the same bytes."""
    public = subject_key.public_key()
    shape = repr((subject, issuer, span, [(e.oid.dotted_string, e.public_bytes(), c) for e, c in extensions])).encode()
    builder = x509.CertificateBuilder(subject_name=name(subject), issuer_name=name(issuer), public_key=public,
                                      serial_number=int.from_bytes(hashlib.sha256(shape).digest()[:15], "big") + 1,
                                      not_valid_before=moment(span[0]), not_valid_after=moment(span[1]))
    for extension, critical in extensions:
        builder = builder.add_extension(extension, critical)
    if isinstance(issuer_key, ed25519.Ed25519PrivateKey):
        return builder.sign(issuer_key, None)
    return builder.sign(issuer_key, digest, ecdsa_deterministic=True if isinstance(issuer_key, ec.EllipticCurvePrivateKey) else None)


def authority(subject, key, issuer=None, issuer_key=None, span=(NOW - 86400, NOW + 86400), ca=True, length=None, bits=("key_cert_sign", "crl_sign"), more=(), **rest):
    """The certificate of an authority; signed by itself unless `issuer` is given."""
    extensions = [(x509.BasicConstraints(ca, length), True)] + ([(usage(*bits), True)] if bits else []) + list(more)
    return certificate(subject, key, issuer or subject, issuer_key or key, extensions, span, **rest)


class Leaf:
    """Leaves of prod.example, right but for what is said."""

    def __init__(self, key, issuer_key):
        self.key, self.issuer_key = key, issuer_key

    def __call__(self, names=(x509.UniformResourceIdentifier(AGENT),), ca=False, bits=("digital_signature",), purposes=(Purpose.SERVER_AUTH, Purpose.CLIENT_AUTH),
                 usage_critical=True, names_critical=False, subject="planner", key=None, issuer="authority", issuer_key=None, more=(), **rest):
        extensions = [] if ca is None else [(x509.BasicConstraints(ca, None), True)]
        extensions += [(usage(*bits), usage_critical)] if bits else []
        extensions += [(x509.ExtendedKeyUsage(purposes), False)] if purposes else []
        extensions += [(x509.SubjectAlternativeName(names), names_critical)] if names else []
        return der(certificate(subject, key or self.key, issuer, issuer_key or self.issuer_key, extensions + list(more), **rest))


class World:
    """One authority, its leaves, and a set of vectors about them."""

    def __init__(self, keys):
        self.keys = {label: private(key) for label, key in keys.items() if label != "//"}
        self.root_key, self.other_key, self.middle_key = (self.keys[label] for label in ("issuer-es256", "other-es256", "issuer-es256-old"))
        self.root = der(authority("authority", self.root_key))
        self.leaf = Leaf(self.keys["agent-es256"], self.root_key)
        self.set = Set("x509-svid", REASONS, trust_domain="prod.example", bundle=bundle(self.root))

    def add(self, slug, expect, notes, rules, leaf=None, chain=None, **rest):
        self.set.add(slug, expect, rules, notes, chain=chain or [leaf], **rest)

    def middle(self, **bend):
        """An intermediate authority, and a leaf below it."""
        made = authority("intermediate", self.middle_key, "authority", self.root_key, **bend)
        return [self.leaf(issuer="intermediate", issuer_key=self.middle_key), der(made)]


def build(keys):
    world = World(keys)
    good(world)
    names(world)
    usages(world)
    strength(world)
    issuers(world)
    times(world)
    constraints(world)
    published(world.set)
    return world.set


def good(w):
    leaf, uri = w.leaf, x509.UniformResourceIdentifier(AGENT)
    w.add("good", "accept", "a leaf issued by the authority", ["X509-01", "X509-12", "X509-14", "MTLS-02"], leaf())
    for alg, label in [("es384", "agent-es384"), ("es512", "agent-es512"), ("rsa", "agent-rsa"), ("ed25519", "agent-ed25519")]:
        w.add(f"good-leaf-{alg}", "accept", f"the leaf's key is {label}", ["X509-12"], leaf(key=w.keys[label]))
    for alg, label, digest in [("es384", "issuer-es384", hashes.SHA384()), ("es512", "issuer-es512", hashes.SHA512()), ("rsa", "issuer-rsa", hashes.SHA256()), ("ed25519", "issuer-ed25519", None)]:
        signed = {"issuer_key": w.keys[label], "digest": digest}
        w.add(f"good-authority-{alg}", "accept", f"the authority's key is {label}", ["X509-12"], leaf(**signed), bundle=bundle(der(authority("authority", w.keys[label], digest=digest))))
    w.add("good-intermediate", "accept", "through an intermediate authority", ["X509-12", "X509-10"], chain=w.middle())
    w.add("good-intermediate-and-root", "accept", "the authority's own certificate is sent too", ["X509-12"], chain=[*w.middle(), w.root])
    w.add("good-other-names", "accept", "names of other kinds may stand beside the URI", ["X509-01", "WIT-45"], leaf([x509.DNSName("planner.example"), uri, x509.RFC822Name("a@b.example"), x509.DirectoryName(name("x"))]))
    w.add("good-client-only", "accept", "`extKeyUsage` of `clientAuth` alone", ["MTLS-05", "MTLS-14"], leaf(purposes=(Purpose.CLIENT_AUTH,)))
    w.add("good-no-purposes", "accept", "no `extKeyUsage`", ["X509-11"], leaf(purposes=()))
    w.add("good-more-usages", "accept", "`keyEncipherment` and `keyAgreement` may be set", ["X509-10"], leaf(bits=("digital_signature", "key_encipherment", "key_agreement")))
    w.add("good-no-constraints", "accept", "no `basicConstraints`", ["X509-13"], leaf(ca=None))
    w.add("good-empty-subject", "accept", "an empty subject beside critical names", ["X509-04"], leaf(subject="", names_critical=True))
    w.add("good-two-authorities", "accept", "one of two authorities issued it", ["X509-17"], leaf(), bundle=bundle(der(authority("other", w.other_key)), w.root))
    w.add("good-first-of-x5c", "accept", "the first certificate of `x5c` counts", ["X509-16"], leaf(), bundle=bundle([w.root, der(authority("other", w.other_key))]))
    own = x509.SubjectAlternativeName([x509.UniformResourceIdentifier("spiffe://prod.example")])
    w.add("good-authority-with-id", "accept", "the authority's certificate is an X.509-SVID itself, without a path", ["X509-05"], leaf(), bundle=bundle(der(authority("authority", w.root_key, more=[(own, False)]))))
    w.add("good-authority-without-usage", "accept", "the authority's certificate has no `keyUsage`", ["X509-17"], leaf(), bundle=bundle(der(authority("authority", w.root_key, bits=()))))


def names(w):
    uri = x509.UniformResourceIdentifier
    rules = ["X509-02", "MTLS-13", "WIT-43", "SPIFFECA-07"]
    for slug, second in [("two-uris", "spiffe://prod.example/agent/researcher"), ("same-uri-twice", AGENT), ("uri-and-https", "https://prod.example/"), ("uri-and-empty", "")]:
        w.add(slug, "identifier", "a second URI", rules, w.leaf([uri(AGENT), uri(second)]))
    w.add("no-names", "identifier", "no alternative names; the ID is the common name", ["MTLS-13", "X509-14"], w.leaf((), subject=AGENT[:64]))
    w.add("dns-only", "identifier", "no URI among the names", ["MTLS-13", "MTLS-11", "WIT-45"], w.leaf([x509.DNSName("prod.example")]))
    for slug, text in [("no-path", "spiffe://prod.example"), ("only-slash", "spiffe://prod.example/"), ("trailing-slash", AGENT + "/"), ("dot-segment", "spiffe://prod.example/agent/../planner"), ("percent", "spiffe://prod.example/agent/plann%65r"),
                       ("upper-case", "spiffe://PROD.example/agent/planner"), ("scheme-upper-case", "SPIFFE://prod.example/agent/planner"), ("port", "spiffe://prod.example:443/agent/planner"), ("query", AGENT + "?a"), ("https", "https://prod.example/agent/planner"), ("other-domain", "spiffe://other.example/agent/planner")]:
        w.add(f"id-{slug}", "identifier", "not the one spelling of a SPIFFE ID of this trust domain with a path", ["X509-14", "X509-03"], w.leaf([uri(text)]), attacks=["F13", *{"percent": ["W1"], "dot-segment": ["W5"], "no-path": ["W8"], "only-slash": ["W8"], "other-domain": ["F17", "W3", "W7"]}.get(slug, [])])
    w.add("empty-subject-names-not-critical", "identifier", "an empty subject beside names that are not critical", ["X509-04"], w.leaf(subject=""))


def usages(w):
    rules = ["X509-13", "X509-10", "SPIFFECA-07"]
    w.add("leaf-is-authority", "usage", "`cA` is set in the leaf", ["X509-06", "X509-07", "X509-13", "SPIFFECA-07"], w.leaf(ca=True))
    w.add("usage-missing", "usage", "no `keyUsage`", ["X509-09", "SPIFFECA-07"], w.leaf(bits=()))
    w.add("usage-not-critical", "usage", "`keyUsage` is not critical", ["X509-09"], w.leaf(usage_critical=False))
    w.add("usage-no-digital-signature", "usage", "no `digitalSignature`", rules, w.leaf(bits=("key_encipherment", "key_agreement")))
    w.add("usage-cert-sign", "usage", "`keyCertSign` is set in the leaf", rules, w.leaf(bits=("digital_signature", "key_cert_sign")))
    w.add("usage-crl-sign", "usage", "`cRLSign` is set in the leaf", rules, w.leaf(bits=("digital_signature", "crl_sign")))
    w.add("purpose-server-only", "usage", "`extKeyUsage` of `serverAuth` alone", ["MTLS-05", "MTLS-14"], w.leaf(purposes=(Purpose.SERVER_AUTH,)))
    w.add("purpose-any", "usage", "`anyExtendedKeyUsage` is no `clientAuth`", ["MTLS-14"], w.leaf(purposes=(Purpose.ANY_EXTENDED_KEY_USAGE,)))
    unknown = x509.UnrecognizedExtension(ObjectIdentifier("1.2.3.4"), b"\x05\x00")
    w.add("unknown-critical", "malformed", "an unknown critical extension in the leaf", ["MTLS-02"], w.leaf(more=[(unknown, True)]))
    w.add("good-unknown", "accept", "an unknown extension that is not critical", ["MTLS-02"], w.leaf(more=[(unknown, False)]))
    w.add("intermediate-unknown-critical", "malformed", "an unknown critical extension in an intermediate", ["MTLS-02"], chain=w.middle(more=[(unknown, True)]))
    w.add("trailing-byte", "malformed", "a byte behind the leaf", ["MTLS-02"], base64.b64encode(base64.b64decode(w.leaf()) + b"\0").decode())
    w.add("truncated", "malformed", "the last byte of the leaf is missing", ["MTLS-02"], base64.b64encode(base64.b64decode(w.leaf())[:-1]).decode())
    w.add("intermediate-no-ca", "authority", "`cA` is not set in the intermediate", ["X509-07", "MTLS-02"], chain=w.middle(ca=False))
    w.add("intermediate-no-cert-sign", "authority", "no `keyCertSign` in the intermediate", ["X509-10", "MTLS-02"], chain=w.middle(bits=("crl_sign", "digital_signature")))
    w.add("leaf-signs-leaf", "authority", "a leaf signed by a leaf", ["X509-07", "MTLS-02"], chain=[w.leaf(issuer="planner", issuer_key=w.leaf.key, key=w.other_key), w.leaf()])


def strength(w):
    weak = w.keys["weak-rsa"]
    w.add("leaf-rsa-1024", "key", "the leaf's key is RSA of 1024 bits", ["X509-12"], w.leaf(key=weak), attacks=["F20"])
    for curve in [ec.SECP256K1(), ec.SECP224R1()]:
        w.add(f"leaf-{curve.name}", "key", f"the leaf's key is on {curve.name}", ["X509-12"], w.leaf(key=ec.derive_private_key(7, curve)), attacks=["F20"])
    w.add("authority-rsa-1024", "issuer", "the authority's key is RSA of 1024 bits", ["X509-12"], w.leaf(issuer_key=weak), also=["signature", "key"], bundle=bundle(der(authority("authority", weak))))
    rsa = w.keys["issuer-rsa"]
    for slug, key, leaf in [("rsa-sha1", rsa, rsa_sha1(w.leaf(issuer_key=rsa), rsa)), ("rsa-sha224", rsa, w.leaf(issuer_key=rsa, digest=hashes.SHA224())), ("ecdsa-sha224", w.root_key, w.leaf(digest=hashes.SHA224()))]:
        w.add(slug, "algorithm", f"signed by {slug}", ["X509-12", "MTLS-02"], leaf, also=["signature"], bundle=bundle(der(authority("authority", key))))
    raw = bytearray(base64.b64decode(w.leaf()))
    raw[-1] ^= 1
    w.add("signature-bit", "signature", "one bit of the signature is another", ["X509-12", "MTLS-02"], base64.b64encode(raw).decode(), also=["issuer"])
    w.add("body-bit", "signature", "a name that was not signed", ["X509-12", "MTLS-02", "SID-10"], base64.b64encode(base64.b64decode(w.leaf()).replace(b"agent/planner", b"agent/plannex")).decode(), also=["issuer"])


def rsa_sha1(leaf, key):
    """The same certificate signed with SHA-1, which the builder refuses to do."""
    sha256, sha1 = (bytes.fromhex("06092a864886f70d0101") + last for last in (b"\x0b", b"\x05"))
    raw = base64.b64decode(leaf)
    body = x509.load_der_x509_certificate(raw).tbs_certificate_bytes.replace(sha256, sha1)
    signature = key.sign(body, padding.PKCS1v15(), hashes.SHA1())
    return base64.b64encode(raw.replace(sha256, sha1)[: -len(signature)] + signature).decode()


def issuers(w):
    other = der(authority("other", w.other_key))
    theirs = w.leaf(issuer="other", issuer_key=w.other_key)
    w.add("other-authority", "issuer", "issued by the authority of another trust domain", ["MTLS-01", "WIT-53", "WIT-48", "X509-12"], theirs, attacks=["F17", "W3"])
    w.add("other-authority-sent-along", "issuer", "that authority's certificate is in the chain", ["MTLS-01", "WIT-53", "SPIFFECA-12", "MTLSB-11"], chain=[theirs, other], attacks=["F17", "W3"])
    w.add("namesake", "signature", "issued by an authority of the same name", ["X509-12", "MTLS-01"], w.leaf(issuer_key=w.other_key), also=["issuer"])
    w.add("same-key-other-name", "issuer", "the authority's key under another name", ["X509-12"], w.leaf(), bundle=bundle(der(authority("other", w.root_key))))
    w.add("self-signed", "issuer", "signed by its own key", ["X509-12", "SPIFFECA-12"], w.leaf(issuer="planner", issuer_key=w.leaf.key))
    itself = w.leaf(issuer="planner", issuer_key=w.leaf.key)
    w.add("self-signed-in-bundle", "issuer", "the bundle names the leaf as authority", ["X509-13", "X509-15"], itself, bundle=bundle(itself))
    w.add("intermediate-missing", "issuer", "the intermediate was not sent", ["X509-12"], w.middle()[0])
    w.add("empty-bundle", "issuer", "no authority in the bundle", ["X509-17"], w.leaf(), bundle={"keys": []})
    for use in ["jwt-svid", "wit-svid", "sig"]:
        w.add(f"use-{use}", "issuer", f"the authority's entry has `use` {use}", ["X509-15", "SPIFFECA-07"], w.leaf(), bundle=bundle(w.root, use=use), attacks=["F17"])
    w.add("second-of-x5c", "issuer", "the issuer is the second certificate of `x5c`", ["X509-16"], w.leaf(), bundle=bundle([other, w.root]))
    w.add("x5c-empty", "issuer", "`x5c` is empty", ["X509-16"], w.leaf(), bundle=bundle([]))


def times(w):
    ended, later = (NOW - 600, NOW - 10), (NOW + 10, NOW + 600)
    for slug, span in [("expired", ended), ("not-yet-valid", later)]:
        w.add(slug, "time", f"the leaf is {slug}", ["MTLS-02", "X509-12"], w.leaf(span=span))
        w.add(f"intermediate-{slug}", "time", f"the intermediate is {slug}", ["MTLS-02", "X509-12"], chain=w.middle(span=span))
        w.add(f"authority-{slug}", "time", f"the authority's own certificate is {slug}", ["X509-17"], w.leaf(), also=["issuer"], bundle=bundle(der(authority("authority", w.root_key, span=span))))
    w.add("ends-before-it-begins", "time", "`notAfter` before `notBefore`", ["MTLS-02"], swapped(w), also=["constraint", "malformed", "signature"])


def swapped(w):
    """cryptography refuses to make one: the two times of a good leaf change places, which also breaks the signature."""
    raw = base64.b64decode(w.leaf(span=(NOW - 60, NOW + 60)))
    before, after = (moment(NOW + offset).strftime("%y%m%d%H%M%SZ").encode() for offset in (-60, 60))
    return base64.b64encode(raw.replace(before, b"-" * 13).replace(after, before).replace(b"-" * 13, after)).decode()


def constraints(w):
    def under(permitted=None, excluded=None):
        return {"more": [(x509.NameConstraints(permitted, excluded), True)]}

    uri, dns, rules = x509.UniformResourceIdentifier, x509.DNSName, ["X509-08", "MTLS-02"]
    w.add("length-zero", "constraint", "an intermediate below one that allows none", ["MTLS-02", "X509-07"], bundle=bundle(der(authority("authority", w.root_key, length=0))), chain=w.middle())
    w.add("good-length-one", "accept", "one intermediate where one is allowed", ["MTLS-02", "X509-07"], bundle=bundle(der(authority("authority", w.root_key, length=1))), chain=w.middle())
    w.add("uri-excluded", "constraint", "an intermediate that must not name this trust domain", rules, chain=w.middle(**under(excluded=[uri("prod.example")])))
    w.add("uri-not-permitted", "constraint", "an intermediate that may name another trust domain only", rules, chain=w.middle(**under(permitted=[uri("other.example")])))
    w.add("authority-uri-excluded", "constraint", "an authority that must not name this trust domain", rules, w.leaf(), bundle=bundle(der(authority("authority", w.root_key, **under(excluded=[uri("prod.example")])))))
    w.add("good-uri-permitted", "accept", "an intermediate that may name this trust domain", rules, chain=w.middle(**under(permitted=[uri("prod.example")])), needs=["uri-name-constraints"])
    w.add("good-dns-constraint", "accept", "a constraint on names that the leaf has none of", rules, chain=w.middle(**under(permitted=[dns("other.example")])))


def bundles(keys):
    """Bundles by themselves: which authorities are in them."""
    w, made = World(keys), Set("x509-bundle", BUNDLE_REASONS)
    own, other = w.root, der(authority("other", w.other_key))
    made.add("good-two", "accept", ["X509-17"], "two authorities", bundle=bundle(own, other), authorities=2)
    made.add("good-other-uses", "accept", ["X509-15", "X509-17"], "entries of other uses do not count", bundle={"keys": bundle(own)["keys"] + bundle(other, use="jwt-svid")["keys"] + [{"kty": "x"}, 7]}, authorities=1)
    made.add("no-certificate", "authority", ["X509-16"], "no `x5c`", bundle={"keys": [{"use": "x509-svid", "kty": "EC"}]})
    made.add("leaf", "authority", ["X509-15"], "the certificate is a leaf's", bundle=bundle(w.leaf()))
    made.add("lists-only", "authority", ["X509-10", "X509-15"], "the certificate may sign lists only", bundle=bundle(der(authority("authority", w.root_key, bits=("crl_sign",)))))
    made.add("not-base64", "authority", ["X509-15"], "`x5c` is not base64", bundle=bundle("%"))
    made.add("keys-missing", "malformed", ["X509-17"], "no `keys`", bundle={})
    made.add("keys-object", "malformed", ["X509-17"], "`keys` is an object", bundle={"keys": {}})
    published_bundles(made)
    return made


def collected(vectors, add):
    """Calls `add` with the published examples by id, or keeps what an earlier run made of them."""
    root, target = os.environ.get("PUBLISHED_VECTORS"), pathlib.Path(__file__).resolve().parents[2] / "vectors" / f"{vectors.kind}.json"
    if root is None:
        kept = json.loads(target.read_text())["vectors"] if target.exists() else []
        vectors.vectors.extend(vector for vector in kept if "/published-" in vector["id"])
        return
    files = [file for folder in ("reference-impl", "spiffe-spec") for file in sorted(pathlib.Path(root).glob(f"{folder}/*.json"))]
    add({file.stem: json.loads(file.read_text()) for file in files})


def stamp(text):
    return int(datetime.datetime.fromisoformat(text + "+00:00").timestamp())


# What each published chain is judged by: the authority, the clock, and the verdict with the recorded reason.
# `spiffe` is the authority in go-spiffe's bundles; `key` one made here with the key that is published beside them: go-spiffe's examples are all of one key.
CHAINS = {
    "go-good-leaf-and-intermediate": ("spiffe", "2020-03-24T14:30:00", "accept"),
    "rust-expired-svid-chain": ("spiffe", "2021-02-09T18:30:00", "accept"),
    "go-good-leaf-only": ("key", "2021-01-01T00:00:00", "accept"),
    "go-wrong-leaf-ca-true": ("key", "2021-01-01T00:00:00", "usage"),
    "go-wrong-leaf-cert-sign": ("key", "2021-01-01T00:00:00", "usage"),
    "go-wrong-leaf-crl-sign": ("key", "2021-01-01T00:00:00", "usage"),
    "go-wrong-leaf-empty-id": ("key", "2021-01-01T00:00:00", "identifier"),
    "go-wrong-leaf-no-digital-signature": ("key", "2021-01-01T00:00:00", "usage"),
    "go-wrong-intermediate-no-ca": ("key", "2021-01-01T00:00:00", "authority"),
    "go-wrong-intermediate-no-key-cert-sign": ("key", "2021-01-01T00:00:00", "authority"),
    "rust-1-svid-chain": ("last", "2026-06-01T00:00:00", "accept"),
    "rust-spiffe-leaf": ("x509bundle-rust-ca", "2026-06-01T00:00:00", "accept"),
    "rust-spiffe-leaf-uri-only": ("x509bundle-rust-ca-uri-only", "2026-06-01T00:00:00", "accept"),
    "rust-no-spiffe-leaf": ("x509bundle-rust-ca", "2026-06-01T00:00:00", "identifier"),
    "rust-empty-subject-name": ("spiffe", "2026-01-20T00:00:00", "identifier"),
    "rust-spiffe-leaf-no-digital-signature": ("spiffe", "2026-07-01T00:00:00", "usage"),
    "rust-spiffe-leaf-no-key-usage": ("spiffe", "2026-07-01T00:00:00", "usage"),
    "rust-svid-with-dns": ("spiffe", "2021-04-24T15:00:00", "signature"),
    **{f"rust-wrong-{what}": ("key", "2021-01-01T00:00:00", verdict) for what, verdict in [
        ("leaf-ca-true", "usage"), ("leaf-cert-sign", "usage"), ("leaf-crl-sign", "usage"), ("leaf-empty-id", "identifier"), ("leaf-no-digital-signature", "usage"),
        ("intermediate-no-ca", "authority"), ("intermediate-no-key-cert-sign", "authority")]},
}
ALSO = {"rust-empty-subject-name": ["usage", "issuer"], "rust-spiffe-leaf-no-digital-signature": ["issuer"], "rust-spiffe-leaf-no-key-usage": ["issuer"], "rust-svid-with-dns": ["issuer"], "rust-no-spiffe-leaf": ["usage"]}
RULES = {"accept": ["X509-12", "X509-14"], "usage": ["X509-13", "SPIFFECA-07"], "identifier": ["X509-14", "MTLS-13"], "authority": ["X509-07", "MTLS-02"], "signature": ["X509-12"], "issuer": ["X509-12"]}


def published(vectors):
    collected(vectors, lambda files: [add_published(vectors, files, slug, *how) for slug, how in CHAINS.items()])


def add_published(vectors, files, slug, source, clock, verdict):
    file = files[f"x509svid-{slug}"]
    chain, said = file["chain_der_b64"], file["expect"]["x509_svid_profile"]
    if source == "key":
        anchor = der(spiffe_authority(files["x509svid-go-good-leaf-only"]["private_key_pkcs8_b64"]))
    elif source == "spiffe":
        anchor = files["bundle-go-spiffebundle-valid-1"]["document"]["keys"][0]["x5c"][0]
    else:
        anchor = chain[-1] if source == "last" else files[source]["chain_der_b64"][0]
    notes = f"published verdict on its shape: {said}" + (f" ({file['expect']['reason']})" if "reason" in file["expect"] else "")
    assert (said == "accept") == (verdict == "accept") or slug == "rust-svid-with-dns"
    if slug == "rust-svid-with-dns":
        notes += "; who issued it was not published, only a namesake"
    vectors.add(f"published-{slug}", verdict, RULES[verdict], notes, now=stamp(clock), also=ALSO.get(slug, ()), chain=chain, trust_domain="example.org", bundle=bundle(anchor), source=file["source"])


def spiffe_authority(pkcs8):
    """An authority called as the published chains' issuer, with their published key."""
    key = serialization.load_der_private_key(base64.b64decode(pkcs8), None)
    subject = x509.Name([x509.NameAttribute(NameOID.COUNTRY_NAME, "US"), x509.NameAttribute(NameOID.ORGANIZATION_NAME, "SPIFFE")])
    builder = x509.CertificateBuilder(subject, subject, key.public_key(), 1, moment(stamp("2020-01-01T00:00:00")), moment(stamp("2030-01-01T00:00:00")))
    return builder.add_extension(x509.BasicConstraints(True, None), True).add_extension(usage("key_cert_sign"), True).sign(key, hashes.SHA256())


def published_bundles(vectors):
    def add(files):
        for slug, count in [("valid-1", 1), ("valid-2", 1), ("valid-with-wit", 1), ("missing-kid", 1), ("multiple-x509", 1), ("no-keys", None)]:
            file = files[f"bundle-go-spiffebundle-{slug}"]
            said = file["expect"]["go_spiffe"] + (f" ({file['expect']['reason']})" if "reason" in file["expect"] else "")
            vectors.add(f"published-go-{slug}", "malformed" if count is None else "accept", ["X509-16", "X509-17"], f"go-spiffe: {said}", bundle=file["document"], authorities=count, source=file["source"])
        for slug, count, why in [("ca", 1, ""), ("ca-uri-only", 1, ""), ("ca-with-spiffe-signing", 1, ""), ("cert1", 0, "; RSA of 768 bits"), ("cert2", 0, "; RSA of 768 bits"), ("bundle", 0, "; RSA of 768 bits")]:
            file = files[f"x509bundle-rust-{slug}"]
            notes = f"published verdict on reading it: {file['expect']['x509_svid_profile']}{why}"
            vectors.add(f"published-rust-{slug}", "accept" if count else "authority", ["X509-15", "X509-17"], notes, bundle=bundle(*file["chain_der_b64"]), authorities=count or None, source=file["source"])
        for number in ("1", "2"):
            file = files[f"bundle-appendix-a-{number}"]
            vectors.add(f"published-spec-appendix-a-{number}", "authority", ["X509-15", "X509-17"], "published as a shape: its certificates are placeholders", bundle=file["document"], source=file["source"])
    collected(vectors, add)
