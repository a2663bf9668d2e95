"""Tokens of every platform, as its documentation has them, made by joserfc."""

import functools
import json
import os
import pathlib
import unittest

import joserfc.jwk
import requests

import client
import table
import world
from engine import Joserfc

JWT_BEARER = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"


def wit(token):
    """The answer to who asks for a WIT with a platform's token."""
    key = Joserfc("ES256")
    _, answer = client.exchange(
        key,
        {
            "grant_type": world.TOKEN_EXCHANGE,
            "client_assertion_type": JWT_BEARER,
            "client_assertion": token,
            "subject_token": token,
            "subject_token_type": world.JWT,
            "requested_token_type": world.WIT,
        },
    )
    return answer


class Platform(unittest.TestCase):
    def each(self):
        """Each platform: its kind, its row, and what makes its tokens."""
        for kind, row in table.rows().items():
            text = (pathlib.Path(os.environ["INTEROP_DIR"]) / f"{kind}.jwk").read_text()
            key = joserfc.jwk.RSAKey.import_key(json.loads(text))
            yield kind, row, functools.partial(table.token, row, key, world.ISSUER)

    def subject(self, token):
        """The path of the workload that the WIT made of the token names."""
        answer = wit(token)
        self.assertEqual(answer.status_code, 200, answer.text)
        keys = requests.get(world.metadata()["procura_spiffe_bundle_uri"], timeout=world.TIMEOUT).json()["keys"]
        # SPIFFE's `use` is not one of RFC 7517's, so a JOSE library must not see it.
        keys = {"keys": [{name: value for name, value in jwk.items() if name != "use"} for jwk in keys]}
        _, claims = Joserfc.verify(answer.json()["access_token"], keys)
        return claims["sub"].removeprefix(f"spiffe://{table.TRUST_DOMAIN}")

    def test_a_documented_token_gets_a_wit(self):
        for kind, row, make in self.each():
            with self.subTest(kind):
                self.assertEqual(self.subject(make({})), row["path"])

    def test_names_are_not_who_it_is(self):
        for kind, row, make in self.each():
            for what, changes in row["same"].items():
                with self.subTest(kind, what=what):
                    self.assertEqual(self.subject(make(changes)), row["path"])
            for what, (changes, path) in row["other"].items():
                with self.subTest(kind, what=what):
                    self.assertEqual(self.subject(make(changes)), path)

    def test_what_must_never_count_is_refused(self):
        for kind, row, make in self.each():
            tokens = {what: make(changes) for what, (changes, _) in row["refused"].items()}
            tokens["for another service"] = make({"aud": "https://other.example"})
            tokens["expired"] = make({"exp": 1, "iat": 0, "nbf": 0})
            tokens["by a stranger's key"] = table.token(row, table.new_key(), world.ISSUER, {})
            for what, token in tokens.items():
                with self.subTest(kind, what=what):
                    answer = wit(token)
                    self.assertEqual((answer.status_code, answer.json()["error"]), (401, "invalid_client"), answer.text)
