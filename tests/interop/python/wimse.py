"""A WIMSE caller written from the drafts: a WIT, WPTs by `joserfc`, message signatures by `http-message-signatures`."""

import base64
import hashlib
import secrets
import time

import joserfc.jwk
import joserfc.jwt
import requests
from cryptography.hazmat.primitives.asymmetric import ec
from http_message_signatures.algorithms import ECDSA_P256_SHA256
from joserfc.jwk import ECKey

import client
import world
from vector.message import TAG, Signer, Verifier, content_digest

ALWAYS = ["@method", "@request-target", "workload-identity-token"]
IF_THERE = ["content-type", "content-digest", "authorization"]


class Workload:
    """The planner with a WIT for a key of its own."""

    def __init__(self):
        self.private = ec.generate_private_key(ec.SECP256R1())
        self.key = ECKey.import_key(self.private)
        svid = world.svid("planner")
        form = {
            "grant_type": world.TOKEN_EXCHANGE,
            "client_assertion_type": world.JWT_SPIFFE,
            "client_assertion": svid,
            "subject_token": svid,
            "subject_token_type": world.JWT,
            "requested_token_type": world.WIT,
        }
        _, answer = client.exchange(self, form)
        answer.raise_for_status()
        self.wit = answer.json()["access_token"]

    def public(self):
        return self.key.as_dict(private=False)

    def thumbprint(self):
        return self.key.thumbprint()

    def sign(self, header, claims):
        return joserfc.jwt.encode({"alg": "ES256", **header}, claims, self.key, algorithms=["ES256"])

    def wpt(self, audience, **changes):
        """A WPT (draft-ietf-wimse-wpt-02 section 2)."""
        claims = {
            "aud": audience,
            "exp": int(time.time()) + 60,
            "jti": secrets.token_urlsafe(16),
            "wth": token_hash(self.wit),
            **changes,
        }
        return self.sign({"typ": "wpt+jwt"}, claims)


def delegation(user):
    """The form by a caller that needs no client assertion."""
    form = client.delegation("planner", user)
    return {name: value for name, value in form.items() if not name.startswith("client_assertion")}


def signed(workload, request, audience, **parameters):
    """Signs a prepared request of the package `requests` with the WIT's key; gives the nonce."""
    request.headers["Workload-Identity-Token"] = workload.wit
    if request.body:
        request.headers["Content-Digest"] = content_digest(request.body.encode())
    covered = ALWAYS + [name for name in IF_THERE if name in request.headers]
    nonce, now = secrets.token_urlsafe(16), int(time.time())
    common = {"created": now, "expires": now + 60, "nonce": nonce, "tag": TAG, "wimse-aud": audience}
    signer = Signer(signature_algorithm=ECDSA_P256_SHA256, key_resolver=workload.private)
    signer.sign_with(request, {**common, **parameters}, covered)
    return nonce


def verified(response):
    """The parameters of a response's signature, once it is verified with the WIT that came along."""
    keys = requests.get(world.metadata()["procura_spiffe_bundle_uri"], timeout=world.TIMEOUT).json()["keys"]
    wit_keys = {"keys": [{name: value for name, value in key.items() if name != "use"} for key in keys if key["use"] == "wit-svid"]}
    wit = joserfc.jwt.decode(
        response.headers["Workload-Identity-Token"], joserfc.jwk.KeySet.import_key_set(wit_keys), algorithms=["ES256"]
    )
    if wit.header["typ"] != "wit+jwt" or wit.claims["exp"] <= time.time():
        raise ValueError("not a WIT of now")
    public = ECKey.import_key(wit.claims["cnf"]["jwk"]).public_key
    verifier = Verifier(signature_algorithm=ECDSA_P256_SHA256, key_resolver=public)
    wanted = ("@status", '"@method";req', '"@request-target";req', "workload-identity-token", "content-type", "content-digest")
    results = verifier.verify(response, expect_tag=TAG, require_components=wanted, body=response.content)
    return wit.claims, results[0].parameters


def token_hash(text):
    """How one token names another: `wth`, `tth` and the values of `oth`."""
    return base64.urlsafe_b64encode(hashlib.sha256(text.encode()).digest()).rstrip(b"=").decode()
