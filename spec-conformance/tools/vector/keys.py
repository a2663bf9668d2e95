"""The test keys. They are public: never use them for anything else.

They live in vectors/keys.json as private JWKs. A name that is missing there is made once and kept,
so that a second run signs with the same keys.
"""

import json
import pathlib

from jwcrypto import jwk

FILE = pathlib.Path(__file__).resolve().parents[2] / "vectors" / "keys.json"

EC = {"P-256": 32, "P-384": 48, "P-521": 66}
WANTED = {
    "issuer-es256": {"kty": "EC", "crv": "P-256"},
    "issuer-es256-old": {"kty": "EC", "crv": "P-256"},
    "issuer-es384": {"kty": "EC", "crv": "P-384"},
    "issuer-es512": {"kty": "EC", "crv": "P-521"},
    "issuer-rsa": {"kty": "RSA", "size": 2048},
    "issuer-ed25519": {"kty": "OKP", "crv": "Ed25519"},
    "other-es256": {"kty": "EC", "crv": "P-256"},
    "weak-rsa": {"kty": "RSA", "size": 1024},
    "agent-es256": {"kty": "EC", "crv": "P-256"},
    "second-es256": {"kty": "EC", "crv": "P-256"},
    "third-es256": {"kty": "EC", "crv": "P-256"},
    "agent-es384": {"kty": "EC", "crv": "P-384"},
    "agent-es512": {"kty": "EC", "crv": "P-521"},
    "agent-rsa": {"kty": "RSA", "size": 2048},
    "agent-ed25519": {"kty": "OKP", "crv": "Ed25519"},
}


def load():
    """All test keys by name, as private JWK dictionaries with a kid."""
    have = json.loads(FILE.read_text()) if FILE.exists() else {}
    for name, how in WANTED.items():
        if name not in have:
            key = jwk.JWK.generate(kid=name, **how)
            have[name] = json.loads(key.export_private())
    FILE.write_text(json.dumps(have, indent=1, sort_keys=True) + "\n")
    return have


PRIVATE = ("d", "p", "q", "dp", "dq", "qi", "oth", "k")


def public(key, **more):
    """The public half, with members added or (with None) removed."""
    out = {name: value for name, value in key.items() if name not in PRIVATE}
    out.update(more)
    return {name: value for name, value in out.items() if value is not None}


def bare(key, **more):
    """Only what a proof header needs: the required members, no kid."""
    return public(key, kid=None, use=None, alg=None, **more)
