"""The calendar behind procura-guard as seen by two Python JOSE libraries: it serves the holder, and no thief."""

import requests

import client
import world
from engine import for_every_engine

EVENT = {"title": "Review", "start": "2026-11-24T10:00:00Z"}


class Resource:
    def granted(self, scope="calendar.read"):
        """A new key and a token bound to it."""
        key = self.new_key()
        _, answer = client.exchange(key, client.delegation("planner", "alice", scope=scope))
        self.assertEqual(answer.status_code, 200, answer.text)
        return key, answer.json()["access_token"]

    def assert_refused(self, answer, error):
        self.assertEqual(answer.status_code, 401, answer.text)
        challenge = answer.headers["WWW-Authenticate"]
        self.assertTrue(challenge.startswith("DPoP "), challenge)
        self.assertIn(f'error="{error}"', challenge)

    def test_the_holder_is_served_and_known(self):
        key, token = self.granted("calendar.read calendar.write")
        answer, _ = client.call(key, token)
        self.assertEqual(answer.status_code, 200, answer.text)
        self.assertEqual(answer.json()["subject"], "dev:alice")
        self.assertEqual(answer.json()["actor"], f"{world.TRUST_DOMAIN}/agent/planner")
        answer, _ = client.call(key, token, method="POST", event=EVENT)
        self.assertEqual((answer.status_code, answer.json()["events"]), (201, [EVENT]), answer.text)

    def test_a_missing_scope_is_refused(self):
        key, token = self.granted("calendar.read")
        answer, _ = client.call(key, token, method="POST", event=EVENT)
        self.assertEqual(answer.status_code, 403, answer.text)
        self.assertIn('error="insufficient_scope"', answer.headers["WWW-Authenticate"])

    def test_a_stolen_token_is_refused_with_another_key(self):
        _, token = self.granted()
        answer, _ = client.call(self.new_key(), token)
        self.assert_refused(answer, "invalid_dpop_proof")

    def test_a_replayed_request_is_refused(self):
        key, token = self.granted()
        answer, headers = client.call(key, token)
        self.assertEqual(answer.status_code, 200, answer.text)
        again = requests.get(world.RESOURCE, headers=headers, timeout=world.TIMEOUT)
        self.assert_refused(again, "invalid_dpop_proof")

    def test_a_bound_token_is_refused_as_bearer(self):
        key, token = self.granted()
        bare = requests.get(world.RESOURCE, headers={"Authorization": f"Bearer {token}"}, timeout=world.TIMEOUT)
        self.assert_refused(bare, "invalid_token")
        answer, _ = client.call(key, token, scheme="Bearer")
        self.assert_refused(answer, "invalid_token")

    def test_a_proof_without_nonce_is_answered_with_one(self):
        key, token = self.granted()
        headers = {"Authorization": f"DPoP {token}", "DPoP": client.proof(key, "GET", world.RESOURCE, token=token)}
        answer = requests.get(world.RESOURCE, headers=headers, timeout=world.TIMEOUT)
        self.assert_refused(answer, "use_dpop_nonce")
        self.assertTrue(answer.headers["DPoP-Nonce"])


for_every_engine(Resource, globals())
