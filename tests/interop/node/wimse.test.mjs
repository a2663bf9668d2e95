// A caller that shows a WIT with a WPT made by `jose`, and one that shows a certificate over Node's own TLS.

import assert from 'node:assert/strict';
import { X509Certificate, createHash, randomUUID } from 'node:crypto';
import { request } from 'node:https';
import { before, describe, test } from 'node:test';

import { generateKeyPair, generateProof } from 'dpop';
import { SignJWT, calculateJwkThumbprint, createRemoteJWKSet, exportJWK, jwtVerify } from 'jose';

import * as world from './world.mjs';

let metadata;

before(async () => {
  metadata = await (await world.get(`${world.issuer}/.well-known/oauth-authorization-server`)).json();
});

async function claims(grant) {
  const { payload } = await jwtVerify(grant.access_token, createRemoteJWKSet(new URL(metadata.jwks_uri)), {
    issuer: world.issuer,
    audience: world.resource,
    typ: 'at+jwt',
  });
  return payload;
}

const hash = (text) => createHash('sha256').update(text).digest('base64url');

async function form() {
  return new URLSearchParams({ grant_type: world.TOKEN_EXCHANGE, ...(await world.delegation('alice', 'calendar.read')) });
}

describe('a WPT by jose', () => {
  let keys;
  let wit;

  before(async () => {
    keys = await generateKeyPair('ES256', { extractable: true });
    const svid = await world.svid('planner');
    const body = new URLSearchParams({
      grant_type: world.TOKEN_EXCHANGE,
      client_assertion_type: world.JWT_SPIFFE,
      client_assertion: svid,
      subject_token: svid,
      subject_token_type: world.JWT,
      requested_token_type: world.WIT,
    });
    const attempt = async (nonce) => {
      const proof = await generateProof(keys, metadata.token_endpoint, 'POST', nonce);
      return world.get(metadata.token_endpoint, { method: 'POST', body, headers: { dpop: proof } });
    };
    const answer = await attempt((await attempt()).headers.get('dpop-nonce'));
    const grant = await answer.json();
    assert.equal(answer.status, 200, JSON.stringify(grant));
    wit = grant.access_token;
  });

  const wpt = (changes = {}) =>
    new SignJWT({ jti: randomUUID(), wth: hash(wit), aud: metadata.token_endpoint, ...changes })
      .setProtectedHeader({ alg: 'ES256', typ: 'wpt+jwt' })
      .setExpirationTime('1 minute')
      .sign(keys.privateKey);

  const post = async (proof) =>
    world.get(metadata.token_endpoint, {
      method: 'POST',
      body: await form(),
      headers: { 'workload-identity-token': wit, authorization: `WPT ${proof}` },
    });

  test('authenticates, and the token is bound to the key of the WIT', async () => {
    const answer = await post(await wpt());
    const grant = await answer.json();
    assert.equal(answer.status, 200, JSON.stringify(grant));
    assert.equal(grant.token_type, 'DPoP');
    const { cnf } = await claims(grant);
    assert.deepEqual(cnf, { jkt: await calculateJwkThumbprint(await exportJWK(keys.publicKey)) });
  });

  for (const [what, changes] of [
    ['another WIT', { wth: hash('another.wit.token') }],
    ['another URL', { aud: 'https://other.example/token' }],
  ]) {
    test(`for ${what} is refused`, async () => {
      const answer = await post(await wpt(changes));
      assert.equal(answer.status, 401);
      assert.match(answer.headers.get('www-authenticate'), /\bWPT\b/);
      assert.equal((await answer.json()).error, 'invalid_client');
    });
  }

  test('works once', async () => {
    const proof = await wpt();
    assert.equal((await post(proof)).status, 200);
    assert.equal((await post(proof)).status, 401);
  });
});

describe('a certificate over the TLS of Node', () => {
  /** POSTs the form; gives status and body. */
  async function post(options) {
    const body = String(await form());
    const ca = await world.authority();
    return new Promise((resolve, reject) => {
      const sent = request(
        metadata.mtls_endpoint_aliases.token_endpoint,
        {
          method: 'POST',
          ca,
          agent: false,
          timeout: 10_000,
          headers: { 'content-type': 'application/x-www-form-urlencoded', 'content-length': Buffer.byteLength(body) },
          ...options,
        },
        async (answer) => {
          let text = '';
          for await (const part of answer) text += part;
          resolve({ status: answer.statusCode, text });
        },
      );
      sent.on('error', reject);
      sent.end(body);
    });
  }

  test('gives a token that is bound to it', async () => {
    const svid = await world.x509Svid('planner');
    const answer = await post({ cert: svid, key: svid });
    assert.equal(answer.status, 200, answer.text);
    const grant = JSON.parse(answer.text);
    assert.equal(grant.token_type, 'Bearer');
    const thumbprint = createHash('sha256').update(new X509Certificate(svid).raw).digest('base64url');
    assert.deepEqual((await claims(grant)).cnf, { 'x5t#S256': thumbprint });
  });

  test('is needed for the handshake', async () => {
    await assert.rejects(post({}));
  });
});
