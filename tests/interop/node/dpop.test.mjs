// npm `dpop` makes the proofs, `jose` verifies the tokens: exchange, call, and what a thief is told.

import assert from 'node:assert/strict';
import { before, describe, test } from 'node:test';

import { generateKeyPair, generateProof } from 'dpop';
import { calculateJwkThumbprint, createRemoteJWKSet, exportJWK, jwtVerify } from 'jose';

import * as world from './world.mjs';

let metadata;

before(async () => {
  metadata = await (await world.get(`${world.issuer}/.well-known/oauth-authorization-server`)).json();
  assert.equal(metadata.issuer, world.issuer);
});

async function exchange(keys, scope = 'calendar.read') {
  const body = new URLSearchParams({
    grant_type: world.TOKEN_EXCHANGE,
    client_assertion_type: world.JWT_SPIFFE,
    client_assertion: await world.svid('planner'),
    ...(await world.delegation('alice', scope)),
  });
  const attempt = async (nonce) => {
    const proof = await generateProof(keys, metadata.token_endpoint, 'POST', nonce);
    return world.get(metadata.token_endpoint, { method: 'POST', body, headers: { dpop: proof } });
  };
  const first = await attempt();
  assert.equal(first.status, 400);
  assert.equal((await first.json()).error, 'use_dpop_nonce');
  const answer = await attempt(first.headers.get('dpop-nonce'));
  const grant = await answer.json();
  assert.equal(answer.status, 200, JSON.stringify(grant));
  return grant;
}

/** Calls the calendar, again if it asks for a nonce; gives the answer and the headers it was asked with. */
async function call(keys, token, scheme = 'DPoP') {
  const attempt = async (nonce) => {
    const proof = await generateProof(keys, world.resource, 'GET', nonce, token);
    const headers = { authorization: `${scheme} ${token}`, dpop: proof };
    return { headers, answer: await world.get(world.resource, { headers }) };
  };
  const first = await attempt();
  const asked = first.answer.headers.get('www-authenticate')?.includes('use_dpop_nonce');
  return asked ? attempt(first.answer.headers.get('dpop-nonce')) : first;
}

function assertRefused(answer, error) {
  assert.equal(answer.status, 401);
  assert.match(answer.headers.get('www-authenticate'), new RegExp(`^DPoP .*error="${error}"`));
}

for (const algorithm of ['ES256', 'RS256', 'PS256', 'Ed25519']) {
  describe(`dpop and jose, ${algorithm}`, () => {
    let keys;
    let grant;

    before(async () => {
      keys = await generateKeyPair(algorithm, { extractable: true });
      grant = await exchange(keys);
    });

    test('a token verifies with the published keys and names user, agent and key', async () => {
      assert.equal(grant.token_type, 'DPoP');
      assert.equal(grant.issued_token_type, world.ACCESS_TOKEN);
      const { payload } = await jwtVerify(grant.access_token, createRemoteJWKSet(new URL(metadata.jwks_uri)), {
        issuer: world.issuer,
        audience: world.resource,
        typ: 'at+jwt',
        algorithms: ['ES256'],
        requiredClaims: ['exp', 'iat', 'jti'],
      });
      assert.equal(payload.sub, 'dev:alice');
      assert.equal(payload.client_id, world.planner);
      assert.equal(payload.act.sub, world.planner);
      assert.equal(payload.cnf.jkt, await calculateJwkThumbprint(await exportJWK(keys.publicKey)));
    });

    test('the holder is served', async () => {
      const { answer } = await call(keys, grant.access_token);
      assert.equal(answer.status, 200);
      assert.equal((await answer.json()).subject, 'dev:alice');
    });

    test('a stolen token is refused with another key', async () => {
      const { answer } = await call(await generateKeyPair(algorithm), grant.access_token);
      assertRefused(answer, 'invalid_dpop_proof');
    });

    test('a replayed request is refused', async () => {
      const { answer, headers } = await call(keys, grant.access_token);
      assert.equal(answer.status, 200);
      assertRefused(await world.get(world.resource, { headers }), 'invalid_dpop_proof');
    });

    test('a bound token is refused as bearer', async () => {
      const { answer } = await call(keys, grant.access_token, 'Bearer');
      assertRefused(answer, 'invalid_token');
    });
  });
}
