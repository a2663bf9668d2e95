"""HTTP message signatures of the WIMSE profile: ours verified by http-message-signatures, and its by ours.

Set by run.sh: INTEROP_MESSAGES, a program that signs and judges messages with procura-token and nothing else. What the
library cannot do by itself is said in spec-conformance/tools/vector/message.py.
"""

import base64
import json
import os
import subprocess
import time
import unittest

from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from http_message_signatures import InvalidSignature, algorithms
from joserfc.jwk import ECKey, JWKRegistry, OKPKey, RSAKey

from vector.message import TAG, Request, Response, Signer, Verifier, content_digest

NOW = int(time.time())
ORIGIN = "https://api.example"
URI = f"{ORIGIN}/calendar"
ENGINES = {
    "ES256": algorithms.ECDSA_P256_SHA256,
    "ES384": algorithms.ECDSA_P384_SHA384,
    "EdDSA": algorithms.ED25519,
    "Ed25519": algorithms.ED25519,
    "RS256": algorithms.RSA_V1_5_SHA256,
}
REQUEST = ["@method", "@request-target", "workload-identity-token", "content-type", "content-digest", "authorization"]
RESPONSE = ["@status", '"@method";req', '"@request-target";req', "workload-identity-token", "content-digest"]


def ours(verb, given=()):
    """What our program prints."""
    text = "".join(json.dumps(line) + "\n" for line in given)
    command = [os.environ["INTEROP_MESSAGES"], verb, str(NOW)]
    return subprocess.run(command, input=text, check=True, capture_output=True, text=True, timeout=10).stdout.splitlines()


def b64u(data):
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def new_key(alg):
    return {
        "ES256": lambda: ec.generate_private_key(ec.SECP256R1()),
        "ES384": lambda: ec.generate_private_key(ec.SECP384R1()),
        "EdDSA": ed25519.Ed25519PrivateKey.generate,
        "Ed25519": ed25519.Ed25519PrivateKey.generate,
        "RS256": lambda: rsa.generate_private_key(65537, 2048),
    }[alg]()


def wit(alg, key):
    """A WIT that nobody signed: what is tried here are the messages."""
    kind = {"ES": ECKey, "Ed": OKPKey, "RS": RSAKey}[alg[:2]]
    public = {**kind.import_key(key).as_dict(private=False), "alg": alg}
    public = {name: value for name, value in public.items() if name != "kid"}
    return ".".join(b64u(json.dumps(part).encode()) for part in ({"alg": "ES256", "typ": "wit+jwt"}, {"cnf": {"jwk": public}})) + ".AA"


def confirmed(headers):
    """`cnf.jwk` of the WIT in these headers."""
    token = next(value for name, value in headers if name.lower() == "workload-identity-token")
    return json.loads(base64.urlsafe_b64decode(token.split(".")[1] + "=="))["cnf"]["jwk"]


def verify(message, headers, body):
    """The library's verdict on a message by the holder of its WIT."""
    jwk = confirmed(headers)
    key = JWKRegistry.import_key({name: value for name, value in jwk.items() if name != "alg"}).public_key
    verifier = Verifier(signature_algorithm=ENGINES[jwk["alg"]], key_resolver=key)
    (result,) = verifier.verify(message, expect_tag=TAG, body=body.encode())
    return result


def exchange(alg):
    """A request and its response, signed by the library; and the two messages it signed."""
    key, body = new_key(alg), '{"title":"Review"}'
    fields = [("Workload-Identity-Token", wit(alg, key)), ("Content-Type", "application/json"), ("Authorization", "DPoP abc")]
    request = Request("POST", ORIGIN, "/calendar?day=today", [*fields, ("Content-Digest", content_digest(body.encode()))])
    signer = Signer(signature_algorithm=ENGINES[alg], key_resolver=key)
    common = {"created": NOW, "expires": NOW + 60, "tag": TAG}
    signer.sign_with(request, {**common, "nonce": "one", "wimse-aud": URI, "wimse-sign-response": True}, REQUEST)
    answer = [("Workload-Identity-Token", wit(alg, key)), ("Content-Digest", content_digest(b"[]"))]
    response = Response(201, answer, request)
    signer.sign_with(response, {**common, "nonce": "two", "wimse-req-nonce": "one"}, RESPONSE)
    return {
        "uri": URI,
        "request": {"method": "POST", "target": "/calendar?day=today", "headers": request.headers.pairs},
        "body": body,
        "response": {"status": 201, "headers": response.headers.pairs},
        "response_body": "[]",
        "request_nonce": "one",
    }


def changed(given, *path, to):
    """A deep copy with one thing changed."""
    copy = json.loads(json.dumps(given))
    place = copy
    for step in path[:-1]:
        place = place[step]
    place[path[-1]] = to
    return copy


class Message(unittest.TestCase):
    def test_our_messages_verify_there_and_changed_ones_do_not(self):
        lines = [json.loads(line) for line in ours("sign")]
        self.assertEqual([confirmed(line["request"]["headers"])["alg"] for line in lines], ["ES256", "EdDSA", "Ed25519"])
        for line in lines:
            asked, answered = line["request"], line["response"]
            request = Request(asked["method"], ORIGIN, asked["target"], asked["headers"])
            result = verify(request, asked["headers"], line["body"])
            self.assertEqual(result.parameters["wimse-aud"], line["uri"])
            self.assertIs(result.parameters["wimse-sign-response"], True)
            self.assertEqual(result.nonce, line["request_nonce"])
            self.assertLessEqual({f'"{name}"' for name in REQUEST}, set(result.covered_components))
            response = Response(answered["status"], answered["headers"], request)
            result = verify(response, answered["headers"], line["response_body"])
            self.assertEqual(result.parameters["wimse-req-nonce"], line["request_nonce"])

            for other, headers, body in [
                (Request("GET", ORIGIN, asked["target"], asked["headers"]), asked["headers"], line["body"]),
                (Request("POST", ORIGIN, "/mail", asked["headers"]), asked["headers"], line["body"]),
                (request, asked["headers"], line["body"] + " "),
                (Response(200, answered["headers"], request), answered["headers"], line["response_body"]),
                (Response(201, answered["headers"], Request("POST", ORIGIN, "/mail", asked["headers"])), answered["headers"], line["response_body"]),
            ]:
                with self.assertRaises(InvalidSignature):
                    verify(other, headers, body)

    def test_their_messages_verify_here(self):
        for alg in ENGINES:
            whole = exchange(alg)
            self.assertEqual(ours("verify", [{**whole, "response": None}, whole]), ["accepted", "accepted"], alg)

    def test_their_messages_are_refused_here_when_they_were_changed(self):
        whole = exchange("ES256")
        request = {**whole, "response": None}
        added = [*whole["request"]["headers"], ["Txn-Token", "abc"]]
        bad = [
            (changed(request, "request", "method", to="PUT"), "the signature does not verify"),
            (changed(request, "request", "target", to="/calendar"), "the signature does not verify"),
            (changed(request, "request", "headers", to=added), "the signature does not cover `txn-token`"),
            (changed(request, "body", to="{}"), "the body is not the one that was signed"),
            (changed(request, "uri", to=f"{ORIGIN}/mail"), "the audience is not acceptable"),
            (changed(whole, "response", "status", to=200), "the signature does not verify"),
            (changed(whole, "response_body", to="[1]"), "the body is not the one that was signed"),
            (changed(whole, "request_nonce", to="other"), "the response is not to this request"),
            (changed(whole, "request", "target", to="/mail"), "the signature does not verify"),
        ]
        self.assertEqual(ours("verify", [given for given, _ in bad]), [f"refused: {reason}" for _, reason in bad])


if __name__ == "__main__":
    unittest.main()
