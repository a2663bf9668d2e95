// oauth4webapi, unmodified, on both sides: it discovers, exchanges and calls with its own DPoP handle, and it judges a
// token of ours as a resource server would.

import assert from 'node:assert/strict';
import { before, describe, test } from 'node:test';

import * as oauth from 'oauth4webapi';

import * as world from './world.mjs';

// The library refuses plain HTTP unless told; everything here stays on the loopback interface.
const options = { [oauth.allowInsecureRequests]: true };
const client = { client_id: world.planner };

/** Authenticates with a JWT-SVID: the library has no such method, and its interface for private ones is enough. */
function jwtSpiffe(svid) {
  return (_server, _client, body) => {
    body.set('client_assertion_type', world.JWT_SPIFFE);
    body.set('client_assertion', svid);
  };
}

/** Once more if the server asked for a nonce; the handle has remembered it. */
async function withNonce(attempt) {
  try {
    return await attempt();
  } catch (error) {
    if (!oauth.isDPoPNonceError(error)) throw error;
    return attempt();
  }
}

describe('oauth4webapi', () => {
  let server;
  let keys;
  let handle;

  before(async () => {
    const issuer = new URL(world.issuer);
    const answer = await oauth.discoveryRequest(issuer, { algorithm: 'oauth2', ...options });
    server = await oauth.processDiscoveryResponse(issuer, answer);
    keys = await oauth.generateKeyPair('ES256');
    handle = oauth.DPoP(client, keys);
  });

  async function exchange(parameters, judging = {}) {
    const svid = await world.svid('planner');
    return withNonce(async () => {
      const answer = await oauth.genericTokenEndpointRequest(
        server,
        client,
        jwtSpiffe(svid),
        world.TOKEN_EXCHANGE,
        parameters,
        { DPoP: handle, ...options },
      );
      return oauth.processGenericTokenEndpointResponse(server, client, answer, judging);
    });
  }

  /** Calls the calendar through the library. */
  const call = (token, DPoP = handle) =>
    withNonce(() =>
      oauth.protectedResourceRequest(token, 'GET', new URL(world.resource), undefined, undefined, { DPoP, ...options }),
    );

  test('the metadata says what a client needs', () => {
    assert.ok(server.grant_types_supported.includes(world.TOKEN_EXCHANGE));
    assert.ok(server.dpop_signing_alg_values_supported.includes('ES256'));
    assert.ok(server.token_endpoint_auth_methods_supported.includes('spiffe_jwt'));
  });

  test('a handle without a nonce is given one by the token endpoint', async () => {
    const fresh = oauth.DPoP(client, keys);
    const parameters = await world.delegation('alice', 'calendar.read');
    const request = async () =>
      oauth.genericTokenEndpointRequest(server, client, jwtSpiffe(await world.svid('planner')), world.TOKEN_EXCHANGE, parameters, {
        DPoP: fresh,
        ...options,
      });
    const first = await request();
    await assert.rejects(oauth.processGenericTokenEndpointResponse(server, client, first), oauth.isDPoPNonceError);
    const grant = await oauth.processGenericTokenEndpointResponse(server, client, await request());
    assert.equal(grant.token_type, 'dpop');
  });

  test('the holder exchanges and is served', async () => {
    const grant = await exchange(await world.delegation('alice', 'calendar.read'));
    assert.equal(grant.token_type, 'dpop');
    assert.equal(grant.issued_token_type, world.ACCESS_TOKEN);
    assert.equal(grant.scope, 'calendar.read');
    const answer = await call(grant.access_token);
    assert.equal(answer.status, 200);
    const body = await answer.json();
    assert.equal(body.subject, 'dev:alice');
    assert.equal(body.actor, world.planner);
  });

  test('a WIT comes as a token that is no access token', async () => {
    const svid = await world.svid('planner');
    const parameters = { subject_token: svid, subject_token_type: world.JWT, requested_token_type: world.WIT };
    const grant = await exchange(parameters, { recognizedTokenTypes: { n_a: () => {} } });
    assert.equal(grant.token_type, 'n_a');
    assert.equal(grant.issued_token_type, world.WIT);
  });

  test('an error names what was wrong', async () => {
    const parameters = { ...(await world.delegation('alice')), scope: 'calendar.own' };
    await assert.rejects(exchange(parameters), (error) => {
      assert.ok(error instanceof oauth.ResponseBodyError, String(error));
      assert.equal(error.error, 'invalid_scope');
      return true;
    });
  });

  test('a stolen token is refused with another key', async () => {
    const grant = await exchange(await world.delegation('alice', 'calendar.read'));
    const thief = oauth.DPoP(client, await oauth.generateKeyPair('ES256'));
    await assert.rejects(call(grant.access_token, thief), (error) => {
      assert.ok(error instanceof oauth.WWWAuthenticateChallengeError, String(error));
      assert.equal(error.status, 401);
      assert.equal(error.cause[0].scheme, 'dpop');
      assert.equal(error.cause[0].parameters.error, 'invalid_dpop_proof');
      return true;
    });
  });

  describe('as a resource server', () => {
    let token;

    /** The request as the library's own client sends it; nothing leaves this process. */
    async function captured(DPoP = handle) {
      let sent;
      await oauth.protectedResourceRequest(token, 'GET', new URL(world.resource), undefined, undefined, {
        DPoP,
        ...options,
        [oauth.customFetch]: async (url, init) => {
          sent = new Request(url, { method: init.method, headers: init.headers });
          return new Response();
        },
      });
      return sent;
    }

    before(async () => {
      token = (await exchange(await world.delegation('alice', 'calendar.read'))).access_token;
    });

    test('it accepts our token with a proof by its key', async () => {
      const claims = await oauth.validateJwtAccessToken(server, await captured(), world.resource, {
        requireDPoP: true,
        ...options,
      });
      assert.equal(claims.sub, 'dev:alice');
      assert.equal(claims.client_id, world.planner);
      assert.equal(claims.scope, 'calendar.read');
      assert.ok(claims.cnf.jkt);
    });

    test('it refuses our token with a proof by another key', async () => {
      const thief = oauth.DPoP(client, await oauth.generateKeyPair('ES256'));
      await assert.rejects(
        oauth.validateJwtAccessToken(server, await captured(thief), world.resource, { requireDPoP: true, ...options }),
      );
    });

    test('it refuses our token for another audience', async () => {
      await assert.rejects(
        oauth.validateJwtAccessToken(server, await captured(), `${world.resource}/other`, { requireDPoP: true, ...options }),
      );
    });
  });
});
