"""The table of platforms in tests/platforms, and keys of joserfc that stand for the platforms' own."""

import json
import pathlib
import time
import uuid

import joserfc.jwk
import joserfc.jwt

TABLE = pathlib.Path(__file__).parents[2] / "platforms"
KEY_ID = "one"
TRUST_DOMAIN = "ci.procura.test"


def rows():
    """Each kind with what its file says."""
    return {path.stem: json.loads(path.read_text()) for path in sorted(TABLE.glob("*.json"))}


def issuer(row):
    """The platform's, or one that is nowhere: its keys come from a file."""
    return row.get("issuer") or "https://platform.example" + row["issuer_path"]


def new_key():
    return joserfc.jwk.RSAKey.generate_key(2048, parameters={"kid": KEY_ID, "use": "sig", "alg": "RS256"})


def token(row, key, audience, changes):
    """A token as the platform documents it; `changes` override claims, None removes one."""
    now = int(time.time())
    claims = dict(row["claims"])
    if "nbf" in claims:
        claims["nbf"] = now - 5
    claims |= {"iss": issuer(row), "aud": row.get("audience", audience), "jti": str(uuid.uuid4()), "iat": now, "exp": now + 300}
    claims = {name: value for name, value in (claims | changes).items() if value is not None}
    return joserfc.jwt.encode({"alg": "RS256", "kid": KEY_ID, "typ": "JWT"}, claims, key, algorithms=["RS256"])
