"""A WIMSE caller written from the drafts: a WIT, and HTTP message signatures by the PyPI package http-message-signatures.

The package signs with a `keyid` and knows no parameters but those of RFC 9421; the profile forbids the one and has two of
its own, so both classes change that and nothing else.
"""

import base64
import hashlib
import secrets
import time
from datetime import datetime, timedelta, timezone

import joserfc.jwk
import joserfc.jwt
import requests
from cryptography.hazmat.primitives.asymmetric import ec
from http_message_signatures import HTTPMessageSigner, HTTPMessageVerifier, HTTPSignatureKeyResolver
from http_message_signatures.algorithms import ECDSA_P256_SHA256
from joserfc.jwk import ECKey

import client
import world

TAG = "wimse-workload-to-workload"
# The package makes `Content-Digest` itself, and covers it.
COMPONENTS = ("@method", "@request-target", "content-type", "workload-identity-token")


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
            "wth": _hash(self.wit),
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
    nonce = secrets.token_urlsafe(16)
    now = datetime.now(timezone.utc)
    signer = Signer(_Keys(private=workload.private), {"wimse-aud": audience, **parameters})
    signer.sign(
        request,
        key_id="unused",
        created=now,
        expires=now + timedelta(minutes=1),
        nonce=nonce,
        label="wimse",
        tag=TAG,
        include_alg=False,
        covered_component_ids=COMPONENTS,
        body=request.body.encode(),
    )
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
    verifier = Verifier(_Keys(public=public))
    wanted = ("@status", '"@method";req', '"@request-target";req', "workload-identity-token", "content-type", "content-digest")
    results = verifier.verify(response, expect_tag=TAG, require_components=wanted, body=response.content)
    return wit.claims, results[0].parameters


def _hash(text):
    return base64.urlsafe_b64encode(hashlib.sha256(text.encode()).digest()).rstrip(b"=").decode()


class _Keys(HTTPSignatureKeyResolver):
    def __init__(self, private=None, public=None):
        self._private, self._public = private, public

    def resolve_private_key(self, key_id):
        return self._private

    def resolve_public_key(self, key_id):
        return self._public


class Signer(HTTPMessageSigner):
    """Without `keyid`, with the profile's own parameters."""

    def __init__(self, keys, parameters):
        super().__init__(signature_algorithm=ECDSA_P256_SHA256, key_resolver=keys)
        self._parameters = parameters

    def _build_signature_base(self, message, *, signature_params, **more):
        kept = {name: value for name, value in signature_params.items() if name != "keyid"}
        return super()._build_signature_base(message, signature_params={**kept, **self._parameters}, **more)


class Verifier(HTTPMessageVerifier):
    """Finds the key in the WIT: `keyid` must not be there."""

    signature_metadata_parameters = {"created", "expires", "nonce", "tag", "wimse-aud", "wimse-req-nonce"}

    def __init__(self, keys):
        super().__init__(signature_algorithm=ECDSA_P256_SHA256, key_resolver=keys)

    def _verify_one(self, *, sig_input, **more):
        if "keyid" in sig_input.params:
            raise ValueError("the profile has no `keyid`")
        self.signature_metadata_parameters = {*type(self).signature_metadata_parameters, "keyid"}
        sig_input.params["keyid"] = "in the WIT"
        return super()._verify_one(sig_input=sig_input, **more)

    def _build_signature_base(self, message, *, signature_params, **more):
        kept = {name: value for name, value in signature_params.items() if name != "keyid"}
        return super()._build_signature_base(message, signature_params=kept, **more)
