"""A caller that shows a WIT: WPTs by `joserfc`, message signatures by `http-message-signatures`, certificates by `ssl`."""

import base64
import hashlib
import os
import pathlib
import ssl
import tempfile
import unittest

import joserfc.jwk
import joserfc.jwt
import requests
from cryptography import x509
from cryptography.hazmat.primitives import serialization

import client
import wimse
import world


class Wpt(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.workload = wimse.Workload()
        cls.endpoint = world.metadata()["token_endpoint"]

    def post(self, wpt):
        headers = {"Workload-Identity-Token": self.workload.wit, "Authorization": f"WPT {wpt}"}
        return requests.post(self.endpoint, data=wimse.delegation("alice"), headers=headers, timeout=world.TIMEOUT)

    def test_a_wpt_authenticates_and_the_token_is_bound_to_the_wits_key(self):
        answer = self.post(self.workload.wpt(self.endpoint))
        self.assertEqual(answer.status_code, 200, answer.text)
        self.assertEqual(answer.json()["token_type"], "DPoP")
        self.assertEqual(claims(answer)["cnf"], {"jkt": self.workload.thumbprint()})

    def test_a_wpt_works_once(self):
        wpt = self.workload.wpt(self.endpoint)
        self.assertEqual(self.post(wpt).status_code, 200)
        self.assert_refused(self.post(wpt))

    def test_a_wpt_for_another_is_refused(self):
        self.assert_refused(self.post(self.workload.wpt("https://other.example/token")))

    def assert_refused(self, answer):
        self.assertEqual((answer.status_code, answer.json()["error"]), (401, "invalid_client"))
        self.assertIn("WPT", answer.headers["WWW-Authenticate"])


class Signature(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.workload = wimse.Workload()
        cls.endpoint = world.metadata()["token_endpoint"]

    def request(self, **parameters):
        request = requests.Request("POST", self.endpoint, data=wimse.delegation("alice")).prepare()
        nonce = wimse.signed(self.workload, request, self.endpoint, **parameters)
        return request, nonce

    def test_a_signature_authenticates_and_the_token_is_bound_to_the_wits_key(self):
        request, _ = self.request()
        answer = send(request)
        self.assertEqual(answer.status_code, 200, answer.text)
        self.assertEqual(claims(answer)["cnf"], {"jkt": self.workload.thumbprint()})

    def test_a_signature_works_once(self):
        request, _ = self.request()
        self.assertEqual(send(request).status_code, 200)
        self.assert_refused(send(request))

    def test_another_body_is_refused(self):
        request, _ = self.request()
        request.body = request.body.replace("calendar.read", "calendar.writ")
        self.assert_refused(send(request))

    def test_the_answer_is_signed_for_this_request(self):
        request, nonce = self.request(**{"wimse-sign-response": True})
        answer = send(request)
        self.assertEqual(answer.status_code, 200, answer.text)
        wit, parameters = wimse.verified(answer)
        self.assertTrue(wit["sub"].startswith(f"{world.TRUST_DOMAIN}/"), wit["sub"])
        self.assertEqual(parameters["wimse-req-nonce"], nonce)

    def test_a_changed_answer_does_not_verify(self):
        request, _ = self.request(**{"wimse-sign-response": True})
        answer = send(request)
        answer._content = answer.content.replace(b"DPoP", b"None")
        with self.assertRaises(Exception):
            wimse.verified(answer)

    def assert_refused(self, answer):
        self.assertEqual((answer.status_code, answer.json()["error"]), (401, "invalid_client"))


class Calendar(unittest.TestCase):
    """The calendar behind procura-guard, as a server that knows workloads."""

    @classmethod
    def setUpClass(cls):
        cls.workload = wimse.Workload()
        endpoint = world.metadata()["token_endpoint"]
        headers = {"Workload-Identity-Token": cls.workload.wit, "Authorization": f"WPT {cls.workload.wpt(endpoint)}"}
        answer = requests.post(endpoint, data=wimse.delegation("alice"), headers=headers, timeout=world.TIMEOUT)
        cls.token = answer.json()["access_token"]

    def signed(self):
        """A request with the token under DPoP, and a signature over it."""
        headers = {
            "Authorization": f"DPoP {self.token}",
            "DPoP": client.proof(self.workload, "GET", world.RESOURCE, token=self.token),
        }
        request = requests.Request("GET", world.GATEWAY, headers=headers).prepare()
        nonce = wimse.signed(self.workload, request, world.RESOURCE, **{"wimse-sign-response": True})
        return request, nonce

    def test_a_signed_request_is_served_and_answered_with_a_signature(self):
        request, nonce = self.signed()
        answer = send(request)
        self.assertEqual(answer.status_code, 200, answer.text)
        self.assertEqual(answer.json()["subject"], "dev:alice")
        wit, parameters = wimse.verified(answer)
        self.assertEqual(wit["sub"], f"{world.TRUST_DOMAIN}/server/calendar")
        self.assertEqual(parameters["wimse-req-nonce"], nonce)

    def test_a_signed_request_that_was_changed_or_sent_before_is_refused(self):
        request, _ = self.signed()
        self.assertEqual(send(request).status_code, 200)
        self.assertEqual(send(request).status_code, 400)
        request, _ = self.signed()
        request.url += "?day=tomorrow"
        self.assertEqual(send(request).status_code, 400)

    def call(self, **claims):
        headers = {
            "Workload-Identity-Token": self.workload.wit,
            "Authorization": f"WPT {self.workload.wpt(world.RESOURCE, **claims)}",
            "Delegation-Token": self.token,
        }
        return requests.get(world.GATEWAY, headers=headers, timeout=world.TIMEOUT)

    def test_a_wpt_that_covers_the_token_is_served(self):
        answer = self.call(oth={"delegation-token": wimse.token_hash(self.token)})
        self.assertEqual(answer.status_code, 200, answer.text)
        self.assertEqual(answer.json()["subject"], "dev:alice")
        self.assertEqual(answer.json()["actor"], f"{world.TRUST_DOMAIN}/agent/planner")

    def test_a_wpt_that_does_not_cover_the_token_is_refused(self):
        for claims in ({}, {"oth": {"delegation-token": wimse.token_hash("another.access.token")}}):
            answer = self.call(**claims)
            self.assertEqual(answer.status_code, 401, answer.text)
            self.assertIn("WPT", answer.headers["WWW-Authenticate"])


class MutualTls(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        metadata = world.metadata()
        cls.endpoint = metadata["mtls_endpoint_aliases"]["token_endpoint"]
        assert metadata["tls_client_certificate_bound_access_tokens"] is True
        cls.authority = os.path.join(os.environ["INTEROP_DIR"], "authority", "ca.pem")
        cls.folder = tempfile.TemporaryDirectory()
        cls.addClassCleanup(cls.folder.cleanup)
        cls.certificate = pathlib.Path(cls.folder.name, "svid.pem")
        cls.certificate.write_text(world.x509_svid("planner") + "\n")

    def post(self, **options):
        return requests.post(
            self.endpoint, data=wimse.delegation("alice"), verify=self.authority, timeout=world.TIMEOUT, **options
        )

    def test_a_token_is_bound_to_the_certificate(self):
        answer = self.post(cert=str(self.certificate))
        self.assertEqual(answer.status_code, 200, answer.text)
        self.assertEqual(answer.json()["token_type"], "Bearer")
        der = x509.load_pem_x509_certificate(self.certificate.read_bytes()).public_bytes(serialization.Encoding.DER)
        thumbprint = base64.urlsafe_b64encode(hashlib.sha256(der).digest()).rstrip(b"=").decode()
        self.assertEqual(claims(answer)["cnf"], {"x5t#S256": thumbprint})

    def test_a_stolen_token_is_worth_nothing_without_the_certificate(self):
        token = self.post(cert=str(self.certificate)).json()["access_token"]
        for resource in (world.RESOURCE, world.GATEWAY):
            for scheme in ("Bearer", "DPoP"):
                headers = {"Authorization": f"{scheme} {token}"}
                answer = requests.get(resource, headers=headers, timeout=world.TIMEOUT)
                self.assertEqual(answer.status_code, 401, answer.text)

    def test_nobody_is_served_without_a_certificate(self):
        with self.assertRaises((requests.exceptions.ConnectionError, ssl.SSLError)):
            self.post()


def send(request):
    """Sends a prepared request as it is."""
    with requests.Session() as session:
        session.trust_env = False
        return session.send(request, timeout=world.TIMEOUT)


def claims(answer):
    """The claims of an issued token, once it is verified."""
    keys = requests.get(world.metadata()["jwks_uri"], timeout=world.TIMEOUT).json()
    token = answer.json()["access_token"]
    return joserfc.jwt.decode(token, joserfc.jwk.KeySet.import_key_set(keys), algorithms=["ES256"]).claims
