"""The token endpoint as seen by two Python JOSE libraries, with proof keys of three kinds."""

import time

import requests

import client
import world
from engine import for_every_engine


class Exchange:
    def test_a_delegation_token_names_user_agent_and_key(self):
        key = self.new_key()
        _, answer = client.exchange(key, client.delegation("planner", "alice"))
        self.assertEqual(answer.status_code, 200, answer.text)
        body = answer.json()
        self.assertEqual(body["token_type"], "DPoP")
        self.assertEqual(body["issued_token_type"], world.ACCESS_TOKEN)
        self.assertEqual(body["scope"], "calendar.read")
        self.assertEqual(answer.headers["Cache-Control"], "no-store")

        keys = requests.get(world.metadata()["jwks_uri"], timeout=world.TIMEOUT).json()
        header, claims = key.verify(body["access_token"], keys)
        self.assertEqual((header["typ"], header["alg"]), ("at+jwt", "ES256"))
        agent = f"{world.TRUST_DOMAIN}/agent/planner"
        self.assertEqual(claims["iss"], world.ISSUER)
        self.assertEqual(claims["aud"], world.RESOURCE)
        self.assertEqual(claims["sub"], "dev:alice")
        self.assertEqual(claims["client_id"], agent)
        self.assertEqual(claims["act"], {"iss": world.TRUST_DOMAIN, "sub": agent})
        self.assertEqual(claims["cnf"], {"jkt": key.thumbprint()})
        self.assertLessEqual(claims["exp"], claims["delegation"]["until"])
        self.assertAlmostEqual(claims["exp"], time.time() + body["expires_in"], delta=5)

    def test_a_proof_without_nonce_is_answered_with_one(self):
        first, _ = client.exchange(self.new_key(), client.delegation("planner", "alice"))
        self.assertEqual((first.status_code, first.json()["error"]), (400, "use_dpop_nonce"))
        self.assertTrue(first.headers["DPoP-Nonce"])

    def test_a_wit_carries_the_key_of_its_workload(self):
        key = self.new_key()
        answer = self.exchange_for_wit(key)
        if key.algorithm == "EdDSA":
            # A WIT-SVID confirms RSA and ECDSA keys only.
            self.assertEqual((answer.status_code, answer.json()["error"]), (400, "invalid_dpop_proof"))
            return
        self.assertEqual(answer.status_code, 200, answer.text)
        self.assertEqual((answer.json()["token_type"], answer.json()["issued_token_type"]), ("N_A", world.WIT))

        bundle = requests.get(world.metadata()["procura_spiffe_bundle_uri"], timeout=world.TIMEOUT).json()
        # SPIFFE's `use` is not one of RFC 7517's, so a JOSE library must not see it.
        keys = {"keys": [{name: value for name, value in jwk.items() if name != "use"} for jwk in bundle["keys"]]}
        header, claims = key.verify(answer.json()["access_token"], keys)
        self.assertEqual(header["typ"], "wit+jwt")
        self.assertEqual(claims["sub"], f"{world.TRUST_DOMAIN}/agent/planner")
        ours = {name: value for name, value in key.public().items() if name in ("kty", "crv", "x", "y", "n", "e")}
        self.assertEqual({name: claims["cnf"]["jwk"].get(name) for name in ours}, ours)

    @staticmethod
    def exchange_for_wit(key):
        svid = world.svid("planner")
        form = {
            "grant_type": world.TOKEN_EXCHANGE,
            "client_assertion_type": world.JWT_SPIFFE,
            "client_assertion": svid,
            "subject_token": svid,
            "subject_token_type": world.JWT,
            "requested_token_type": world.WIT,
        }
        _, answer = client.exchange(key, form)
        return answer

    def test_a_request_for_more_than_policy_grants_is_narrowed(self):
        form = client.delegation("researcher", "alice", scope="calendar.read calendar.write")
        _, answer = client.exchange(self.new_key(), form)
        self.assertEqual((answer.status_code, answer.json().get("scope")), (200, "calendar.read"), answer.text)

    def test_what_no_policy_grants_is_refused(self):
        _, answer = client.exchange(self.new_key(), client.delegation("archivist", "alice"))
        self.assertEqual(answer.status_code, 400, answer.text)
        self.assertIn(answer.json()["error"], ("invalid_scope", "invalid_target", "unauthorized_client"))

    def test_a_user_token_does_not_authenticate_a_client(self):
        form = client.delegation("planner", "alice", client_assertion=world.user_token("alice"))
        _, answer = client.exchange(self.new_key(), form)
        self.assertEqual((answer.status_code, answer.json()["error"]), (401, "invalid_client"))


for_every_engine(Exchange, globals())
