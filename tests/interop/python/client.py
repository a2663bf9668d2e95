"""A client written from the specifications: RFC 8693 exchange, RFC 9449 proofs, one retry when a server asks for a nonce."""

import base64
import hashlib
import time
import uuid

import requests

import world


def proof(key, method, url, *, nonce=None, token=None):
    """A DPoP proof (RFC 9449 section 4.2)."""
    claims = {"jti": str(uuid.uuid4()), "htm": method, "htu": url, "iat": int(time.time())}
    if nonce is not None:
        claims["nonce"] = nonce
    if token is not None:
        claims["ath"] = base64.urlsafe_b64encode(hashlib.sha256(token.encode()).digest()).rstrip(b"=").decode()
    return key.sign({"typ": "dpop+jwt", "jwk": key.public()}, claims)


def delegation(agent, user, **changes):
    """The form that asks for a token to act for the user."""
    return {
        "grant_type": world.TOKEN_EXCHANGE,
        "client_assertion_type": world.JWT_SPIFFE,
        "client_assertion": world.svid(agent),
        "subject_token": world.user_token(user),
        "subject_token_type": world.ID_TOKEN,
        "resource": world.RESOURCE,
        "scope": "calendar.read",
        **changes,
    }


def exchange(key, form):
    """Both answers: the first, which asks for a nonce, and the one that counts."""
    endpoint = world.metadata()["token_endpoint"]

    def attempt(nonce):
        headers = {"DPoP": proof(key, "POST", endpoint, nonce=nonce)}
        return requests.post(endpoint, data=form, headers=headers, timeout=world.TIMEOUT)

    first = attempt(None)
    return first, attempt(first.headers.get("DPoP-Nonce"))


def call(key, token, *, method="GET", scheme="DPoP", event=None):
    """Calls the calendar; gives the answer, and the headers it was asked with."""
    nonce = None
    for _ in range(2):
        headers = {
            "Authorization": f"{scheme} {token}",
            "DPoP": proof(key, method, world.RESOURCE, nonce=nonce, token=token),
        }
        answer = requests.request(method, world.RESOURCE, headers=headers, json=event, timeout=world.TIMEOUT)
        if "use_dpop_nonce" not in answer.headers.get("WWW-Authenticate", ""):
            break
        nonce = answer.headers["DPoP-Nonce"]
    return answer, headers
