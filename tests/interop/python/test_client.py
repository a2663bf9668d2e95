"""Our client, `procura exchange`, judged by other people's libraries: a token endpoint that keeps what it was sent."""

import http.server
import json
import os
import pathlib
import subprocess
import tempfile
import threading
import time
import unittest

import joserfc.jwt
from cryptography.hazmat.primitives import serialization
from http_message_signatures import InvalidSignature
from http_message_signatures.algorithms import ECDSA_P256_SHA256

import wimse
import world
from vector.message import TAG, Request, Verifier


class TokenEndpoint(http.server.BaseHTTPRequestHandler):
    """Describes itself, keeps each token request, and refuses it."""

    def do_GET(self):
        origin = self.server.origin
        self.answer(200, {
            "issuer": origin,
            "token_endpoint": f"{origin}/token",
            "grant_types_supported": [world.TOKEN_EXCHANGE],
            "response_types_supported": [],
            "token_endpoint_auth_methods_supported": ["wimse_wpt", "wimse_http_signature"],
            "dpop_signing_alg_values_supported": ["ES256"],
        })

    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.server.kept.append((self.path, list(self.headers.items()), body))
        self.answer(400, {"error": "invalid_request"})

    def answer(self, status, document):
        body = json.dumps(document).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


class Client(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.workload = wimse.Workload()
        folder = tempfile.TemporaryDirectory()
        cls.addClassCleanup(folder.cleanup)
        cls.folder = pathlib.Path(folder.name)
        pem = cls.workload.private.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
        for name, content in [("key", pem.decode()), ("wit", cls.workload.wit), ("user", world.user_token("alice"))]:
            (cls.folder / name).write_text(content)
        cls.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), TokenEndpoint)
        cls.server.origin, cls.server.kept = f"http://127.0.0.1:{cls.server.server_port}", []
        threading.Thread(target=cls.server.serve_forever, daemon=True).start()
        cls.addClassCleanup(cls.server.server_close)
        cls.addClassCleanup(cls.server.shutdown)

    def ask(self, proof):
        """What the client sends: target, header fields, body."""
        self.server.kept.clear()
        command = [os.environ["INTEROP_PROCURA"], "exchange", "--issuer", self.server.origin, "--proof", proof, "--audience", "calendar"]
        for option, name in [("--wit", "wit"), ("--key", "key"), ("--user-token", "user")]:
            command += [option, str(self.folder / name)]
        ended = subprocess.run(command, capture_output=True, text=True, timeout=world.TIMEOUT)
        self.assertEqual(ended.returncode, 1, ended)
        self.assertEqual(len(self.server.kept), 1, ended)
        return self.server.kept[0]

    def test_its_signature_verifies_and_covers_the_request(self):
        target, fields, body = self.ask("signature")
        verifier = Verifier(signature_algorithm=ECDSA_P256_SHA256, key_resolver=self.workload.private.public_key())
        request = Request("POST", self.server.origin, target, fields)
        wanted = ("@method", "@request-target", "content-type", "content-digest", "workload-identity-token")
        (result,) = verifier.verify(request, expect_tag=TAG, require_components=wanted, body=body)
        self.assertEqual(result.parameters["wimse-aud"], f"{self.server.origin}/token")
        self.assertLessEqual(result.parameters["expires"] - result.parameters["created"], 300)
        self.assertLessEqual(abs(result.parameters["created"] - time.time()), 30)
        with self.assertRaises(InvalidSignature):
            verifier.verify(request, expect_tag=TAG, body=body + b"&x=1")
        with self.assertRaises(InvalidSignature):
            verifier.verify(Request("POST", self.server.origin, "/other", fields), expect_tag=TAG, body=body)

    def test_two_signatures_have_two_nonces(self):
        nonces = set()
        for _ in range(2):
            target, fields, body = self.ask("signature")
            verifier = Verifier(signature_algorithm=ECDSA_P256_SHA256, key_resolver=self.workload.private.public_key())
            (result,) = verifier.verify(Request("POST", self.server.origin, target, fields), expect_tag=TAG, body=body)
            nonces.add(result.nonce)
        self.assertEqual(len(nonces), 2)

    def test_its_wpt_verifies_and_is_for_the_wit(self):
        _, fields, _ = self.ask("wpt")
        sent = {name.lower(): value for name, value in fields}
        self.assertEqual(sent["workload-identity-token"], self.workload.wit)
        scheme, wpt = sent["authorization"].split(" ", 1)
        self.assertEqual(scheme, "WPT")
        token = joserfc.jwt.decode(wpt, self.workload.key, algorithms=["ES256"])
        self.assertEqual(token.header["typ"], "wpt+jwt")
        self.assertEqual(token.claims["wth"], wimse.token_hash(self.workload.wit))
        self.assertEqual(token.claims["aud"], f"{self.server.origin}/token")
        self.assertTrue(time.time() < token.claims["exp"] <= time.time() + 300)
