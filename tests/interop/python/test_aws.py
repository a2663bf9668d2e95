"""An AWS role that shows a request botocore signed, to a service that asks an STS which recomputes the signature with botocore."""

import contextlib
import json
import os
import pathlib
import re
import socket
import subprocess
import tempfile
import time
import unittest

import joserfc.jwk
import requests
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

import aws
import client
import world
from engine import Joserfc

ACCOUNT, OTHER_ACCOUNT = "123456789012", "210987654321"
ROLE = aws.Principal.role("ASIAEXAMPLEEXAMPLE01", ACCOUNT, "deploy", "AROAEXAMPLEEXAMPLE001", "i-0123456789abcdef0")
AGAIN = aws.Principal.role("ASIAEXAMPLEEXAMPLE02", ACCOUNT, "deploy", "AROAEXAMPLEEXAMPLE002", "i-0123456789abcdef0")
USER = aws.Principal("AKIAEXAMPLEEXAMPLE01", f"arn:aws:iam::{ACCOUNT}:user/ops/alice", "AIDAEXAMPLEEXAMPLE001")
ROOT = aws.Principal("AKIAEXAMPLEEXAMPLE02", f"arn:aws:iam::{ACCOUNT}:root", ACCOUNT)
STRANGER = aws.Principal.role("ASIAEXAMPLEEXAMPLE03", OTHER_ACCOUNT, "deploy", "AROAEXAMPLEEXAMPLE003", "s")
# Its access key is nobody's: STS does not know it.
FORGER = aws.Principal("AKIAEXAMPLEEXAMPLE09", f"arn:aws:iam::{ACCOUNT}:user/eve", "AIDAEXAMPLEEXAMPLE009")

POLICY = """
@id("aws") permit (principal, action == Action::"issue_wit", resource == TrustDomain::"cloud.example")
when { principal has platform && principal.platform has account && context.credential == "aws-sts" };
"""
PLATFORM = """
[[trust_domain]]
name = "cloud.example"
issue_wit = true

[[platform]]
kind = "aws-sts"
trust_domain = "cloud.example"
require = {{ account = "{account}" }}
ca_file = "sts.pem"
private_addresses = ["127.0.0.0/8", "::1/128"]

[platform.aws_sts]
endpoints = ["{endpoint}"]

[[user_issuer]]"""


def certify(directory):
    """A certificate for `localhost`, which vouches for itself."""
    import datetime

    from cryptography import x509

    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "localhost")])
    now = datetime.datetime.now(datetime.timezone.utc)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - datetime.timedelta(minutes=1))
        .not_valid_after(now + datetime.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=False)
        .sign(key, hashes.SHA256())
    )
    (directory / "sts.pem").write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    (directory / "sts-key.pem").write_bytes(private)


class Aws(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.directory = pathlib.Path(cls.enterClassContext(tempfile.TemporaryDirectory()))
        certify(cls.directory)
        principals = [ROLE, AGAIN, USER, ROOT, STRANGER]
        cls.sts = aws.Sts(principals, cls.directory / "sts.pem", cls.directory / "sts-key.pem")
        cls.addClassCleanup(cls.sts.close)
        cls.issuer = cls.serve()

    @classmethod
    def serve(cls):
        """A service that asks this STS about roles and users of one account."""
        with socket.create_server(("127.0.0.1", 0)) as held:
            issuer = f"http://127.0.0.1:{held.getsockname()[1]}"
        command, path = os.environ["INTEROP_PROCURA"], str(cls.directory)
        made = [command, "dev", "user-token", "--sub", "alice", "--dir", path]
        subprocess.run(made, check=True, capture_output=True, timeout=world.TIMEOUT)
        config = (cls.directory / "config.toml").read_text()
        config = config.replace("http://127.0.0.1:8080", issuer).replace("127.0.0.1:8080", issuer.removeprefix("http://"))
        tables = PLATFORM.format(account=ACCOUNT, endpoint=cls.sts.endpoint.rstrip("/"))
        (cls.directory / "config.toml").write_text(config.replace("[[user_issuer]]", tables, 1))
        (cls.directory / "policies/cloud.cedar").write_text(POLICY)
        log = cls.enterClassContext(open(cls.directory / "service.log", "wb"))
        service = subprocess.Popen([command, "serve", "--config", f"{path}/config.toml"], stdout=log, stderr=log)
        cls.addClassCleanup(service.wait)
        cls.addClassCleanup(service.terminate)
        for _ in range(300):
            with contextlib.suppress(requests.ConnectionError):
                requests.get(f"{issuer}/jwks.json", timeout=world.TIMEOUT).raise_for_status()
                return issuer
            if service.poll() is not None:
                break
            time.sleep(0.1)
        raise RuntimeError((cls.directory / "service.log").read_text())

    def setUp(self):
        self.principal, self.key = ROLE, Joserfc("ES256")
        self.sts.instead = None
        self.asked = len(self.sts.requests)

    def signed(self, principal=ROLE, **changes):
        """A request by `principal` for this service, and for a key of the test: a new one for each new principal."""
        if principal is not self.principal:
            self.principal, self.key = principal, Joserfc("ES256")
        headers = {"X-Procura-Audience": self.issuer, "X-Procura-Key": self.key.thumbprint(), **changes.pop("headers", {})}
        return aws.signed(principal, self.sts.endpoint, headers, **changes)

    def present(self, presented, key=None):
        """Asks for a WIT, with a nonce on the second attempt."""
        key, endpoint = key or self.key, f"{self.issuer}/token"
        text = presented if isinstance(presented, str) else aws.assertion(presented)
        form = {
            "grant_type": world.TOKEN_EXCHANGE,
            "client_assertion_type": "urn:procura:client-assertion-type:aws-sts",
            "client_assertion": text,
            "subject_token": text,
            "subject_token_type": world.JWT,
            "requested_token_type": world.WIT,
        }
        nonce = None
        for _ in range(2):
            headers = {"DPoP": client.proof(key, "POST", endpoint, nonce=nonce)}
            answer = requests.post(endpoint, data=form, headers=headers, timeout=world.TIMEOUT)
            if "use_dpop_nonce" not in answer.text:
                break
            nonce = answer.headers["DPoP-Nonce"]
        return answer

    def event(self):
        return json.loads((self.directory / "audit/events.jsonl").read_text().splitlines()[-1])

    def named(self, presented):
        """Who it is that presents this; what it gets ends five minutes after that was signed."""
        answer = self.present(presented)
        self.assertEqual(answer.status_code, 200, f"{answer.text} {self.event()}")
        keys = requests.get(f"{self.issuer}/spiffe/bundle", timeout=world.TIMEOUT).json()
        wit = [{**key, "use": "sig"} for key in keys["keys"] if key["use"] == "wit-svid"]
        _, claims = Joserfc.verify(answer.json()["access_token"], {"keys": wit})
        confirmed = joserfc.jwk.ECKey.import_key(claims["cnf"]["jwk"])
        self.assertEqual(confirmed.thumbprint(), self.key.thumbprint())
        self.assertLessEqual(claims["exp"], time.time() + 300)
        return claims["sub"]

    def refused(self, presented, reason, *, asked=0, key=None, code=(401, "invalid_client")):
        """Refused with a reason in the audit event that the caller is not told, after `asked` questions to STS."""
        answer = self.present(presented, key)
        event = self.event()
        self.assertEqual((answer.status_code, answer.json()["error"]), code, event)
        self.assertRegex(event["error.reason"], reason)
        self.assertNotRegex(answer.text, "STS|AWS|sts")
        self.assertEqual(len(self.sts.requests) - self.asked, asked)
        self.asked = len(self.sts.requests)

    def test_a_role_and_a_user_are_their_ids_by_post_and_by_get(self):
        for method in ("POST", "GET"):
            name = self.named(self.signed(method=method))
            self.assertEqual(name, f"spiffe://cloud.example/aws/{ACCOUNT}/AROAEXAMPLEEXAMPLE001")
            event = self.event()
            self.assertEqual(event["caller.platform.session"], "i-0123456789abcdef0")
            self.assertEqual(event["caller.platform.arn"], f"arn:aws:iam::{ACCOUNT}:role/deploy")
            name = self.named(self.signed(USER, method=method))
            self.assertEqual(name, f"spiffe://cloud.example/aws/{ACCOUNT}/AIDAEXAMPLEEXAMPLE001")
        method, path, headers, body = self.sts.requests[-2]
        self.assertEqual(headers["accept"], "application/json")

    def test_a_role_made_again_under_the_old_name_is_somebody_else(self):
        self.assertNotEqual(self.named(self.signed(ROLE)), self.named(self.signed(AGAIN)))

    def test_who_is_not_of_the_account_or_no_workload_is_refused(self):
        self.refused(self.signed(STRANGER), f"`account` is `{OTHER_ACCOUNT}`", asked=1)
        self.refused(self.signed(ROOT), "neither the session of a role nor a user", asked=1)

    def test_a_signature_that_does_not_fit_is_refused_by_sts(self):
        self.refused(self.signed(FORGER), "STS answered InvalidClientTokenId", asked=1)
        for header, value in (("X-Procura-Key", Joserfc("ES256").thumbprint()), ("X-Amz-Security-Token", "other")):
            presented = self.signed()
            presented["headers"][header] = value
            self.refused(presented, "STS answered", asked=1)
        presented = self.signed()
        other = self.signed(at=time.time() - 1)
        presented["headers"]["Authorization"] = other["headers"]["Authorization"]
        self.refused(presented, "STS answered SignatureDoesNotMatch", asked=1)

    def test_a_request_for_somebody_else_is_not_even_shown_to_sts(self):
        self.refused(self.signed(headers={"X-Procura-Audience": "https://vault.example"}), "audience")
        self.refused(self.signed(headers={"X-Procura-Audience": ""}), "`headers`")
        presented = self.signed()
        plain = aws.signed(ROLE, self.sts.endpoint, {"X-Vault-AWS-IAM-Server-ID": "vault.example"})
        self.refused(plain, "`headers`")
        # What was not signed cannot be added.
        unsigned = aws.signed(ROLE, self.sts.endpoint, {})
        unsigned["headers"] |= {name: presented["headers"][name] for name in ("X-Procura-Audience", "X-Procura-Key")}
        self.refused(unsigned, "signed headers")

    def test_a_request_overheard_is_of_no_use_to_another_key(self):
        thief = Joserfc("ES256")
        presented = self.signed()
        self.refused(presented, "another key", asked=1, key=thief, code=(400, "invalid_dpop_proof"))
        self.assertTrue(self.named(presented))

    def test_a_request_is_shown_to_sts_once(self):
        presented = self.signed()
        self.assertEqual(self.named(presented), self.named(presented))
        self.assertEqual(len(self.sts.requests) - self.asked, 1)

    def test_a_request_has_its_time(self):
        self.refused(self.signed(at=time.time() - 301), "too old")
        self.refused(self.signed(at=time.time() + 120), "not valid before")
        self.assertTrue(self.named(self.signed(at=time.time() - 200)))

    def test_other_actions_and_other_servers_are_not_asked(self):
        self.refused(self.signed(body="Action=AssumeRole&Version=2011-06-15"), "GetCallerIdentity")
        self.refused(self.signed(body=f"{aws.ACTION}&Action=GetSessionToken"), "GetCallerIdentity")
        self.refused(self.signed(query="?Action=AssumeRole"), "GetCallerIdentity")
        self.refused(self.signed(method="GET", body=aws.ACTION.replace("GetCallerIdentity", "GetSessionToken")), "query")
        self.refused(self.signed(method="GET", query="&RoleArn=x"), "query")
        elsewhere = aws.Sts([ROLE], self.directory / "sts.pem", self.directory / "sts-key.pem")
        self.addCleanup(elsewhere.close)
        headers = {"X-Procura-Audience": self.issuer, "X-Procura-Key": self.key.thumbprint()}
        for method in ("POST", "GET"):
            self.refused(aws.signed(ROLE, elsewhere.endpoint, headers, method=method), "not an STS endpoint")
        self.assertEqual(elsewhere.requests, [])

    def test_answers_of_another_shape_are_not_believed(self):
        xml = b"<GetCallerIdentityResponse><GetCallerIdentityResult/></GetCallerIdentityResponse>"
        web = {"AssumeRoleWithWebIdentityResponse": {"AssumeRoleWithWebIdentityResult": {"Audience": "x"}}}
        for body in (xml, json.dumps(web).encode(), b"[]", b"", b"{}" + b" " * 10):
            self.sts.instead = (200, {}, body)
            self.refused(self.signed(), "the answer of STS", asked=1)

    def test_an_sts_that_gives_no_verdict_refuses_nobody(self):
        throttled = json.dumps({"Error": {"Code": "Throttling"}}).encode()
        large = b" " * (300 * 1024)
        elsewhere = {"Location": self.sts.endpoint}
        for status, headers, body in ((500, {}, b""), (400, {}, throttled), (302, elsewhere, b""), (200, {}, large)):
            self.sts.instead = (status, headers, body)
            self.refused(self.signed(), "cannot be had: https://localhost", asked=1, code=(503, "temporarily_unavailable"))
        self.sts.instead = None
        self.assertTrue(self.named(self.signed()))

    def test_nothing_that_was_presented_is_in_any_log(self):
        presented = self.signed(method="GET")
        self.sts.instead = (500, {}, b"")
        self.present(presented)
        self.sts.instead = (403, {}, b"{}")
        self.present(self.signed(method="GET"))
        logs = (self.directory / "service.log").read_text() + (self.directory / "audit/events.jsonl").read_text()
        self.assertIsNone(re.search("X-Amz|AWS4|FwoGZXIv|ASIAEXAMPLE", logs))

    def test_the_commands_of_the_page_get_a_wit(self):
        key = self.directory / f"{self.id()}.jwk"
        command = os.environ["INTEROP_PROCURA"]
        subprocess.run([command, "keys", "generate", "--out", key], check=True, capture_output=True, timeout=world.TIMEOUT)
        headers = {"X-Procura-Audience": self.issuer, "X-Procura-Key": json.loads(key.read_text())["kid"]}
        presented = aws.assertion(aws.signed(ROLE, self.sts.endpoint, headers))
        exchange = [command, "exchange", "--issuer", self.issuer, "--key", key, "--aws-request", "-", "--request-wit"]
        made = subprocess.run(exchange, input=presented, capture_output=True, text=True, timeout=world.TIMEOUT)
        self.assertEqual((made.returncode, made.stdout.count(".")), (0, 2), made.stderr)


if __name__ == "__main__":
    unittest.main()
