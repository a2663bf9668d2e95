"""Compact JWS, made from exact bytes so that a vector can be wrong in one chosen way only.

RSA and EdDSA signatures come from joserfc. ECDSA ones come from the `cryptography` package, which knows
RFC 6979, so that a second run gives the same file; joserfc and jwcrypto then verify them. RSA-PSS
is random by nature: the signature of an earlier run is kept as long as it still verifies.
"""

import base64
import hashlib
import hmac
import json

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, utils
from joserfc.jwk import JWKRegistry
from joserfc.jws import JWSRegistry

HASH = {"256": hashes.SHA256, "384": hashes.SHA384, "512": hashes.SHA512}
CURVE = {"P-256": ("ES256", 32), "P-384": ("ES384", 48), "P-521": ("ES512", 66)}
KEPT = {}


def b64u(data):
    """base64url without padding."""
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def unb64u(text):
    """The reverse of b64u."""
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


def compact(value):
    """JSON bytes of a dictionary; bytes and text go through unchanged."""
    if isinstance(value, bytes):
        return value
    if isinstance(value, str):
        return value.encode()
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False).encode()


def default_algorithm(key):
    """The algorithm a key is used with when nothing else is said."""
    return {"RSA": "RS256", "OKP": "EdDSA"}.get(key["kty"]) or CURVE[key["crv"]][0]


def signature(message, key, algorithm):
    """The raw signature bytes of `message`."""
    if algorithm.startswith("HS"):
        digest = {"256": "sha256", "384": "sha384", "512": "sha512"}[algorithm[2:]]
        return hmac.new(key, message, digest).digest()
    imported = JWKRegistry.import_key(key)
    if key["kty"] != "EC":
        return JWSRegistry.algorithms[algorithm].sign(message, imported)
    size = CURVE[key["crv"]][1]
    der = imported.private_key.sign(
        message, ec.ECDSA(HASH[algorithm[2:]](), deterministic_signing=True)
    )
    r, s = utils.decode_dss_signature(der)
    return r.to_bytes(size, "big") + s.to_bytes(size, "big")


def verifies(token, key, algorithm):
    """What joserfc says of the signature alone."""
    head, _, sig = token.rpartition(".")
    model = JWSRegistry.algorithms[algorithm]
    return model.verify(head.encode(), unb64u(sig), JWKRegistry.import_key(key))


def jws(header, payload, key, algorithm=None):
    """A compact JWS over exactly these header and payload bytes."""
    algorithm = algorithm or default_algorithm(key)
    head = b64u(compact(header)) + "." + b64u(compact(payload))
    if algorithm.startswith("PS"):
        for token in KEPT.get(head, []):
            if verifies(token, key, algorithm):
                return token
    return head + "." + b64u(signature(head.encode(), key, algorithm))


def resign(head, key, algorithm=None):
    """Signs a `header.payload` text that is already encoded, however badly."""
    return head + "." + b64u(signature(head.encode(), key, algorithm or default_algorithm(key)))


def without_signature(header, payload):
    """`header.payload.` as `alg: none` wants it."""
    return b64u(compact(header)) + "." + b64u(compact(payload)) + "."


def ath(token):
    """The access token hash of RFC 9449 section 4.2."""
    return b64u(hashlib.sha256(token.encode()).digest())


def other_last_character(text):
    """The same bytes in a spelling whose unused bits are not zero (RFC 4648 section 3.5)."""
    alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
    spare = {2: 4, 3: 2}[len(text) % 4]
    last = alphabet.index(text[-1])
    assert last % (1 << spare) == 0
    return text[:-1] + alphabet[last + 1]
