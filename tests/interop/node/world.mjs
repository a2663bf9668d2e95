// The world under test as a client sees it; python/world.py says what the variables are.

import { execFile } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { promisify } from 'node:util';

const run = promisify(execFile);
const { INTEROP_PROCURA, INTEROP_DIR } = process.env;

export const issuer = process.env.INTEROP_ISSUER;
export const resource = process.env.INTEROP_RESOURCE;
export const planner = 'spiffe://dev.procura.test/agent/planner';

export const TOKEN_EXCHANGE = 'urn:ietf:params:oauth:grant-type:token-exchange';
export const JWT_SPIFFE = 'urn:ietf:params:oauth:client-assertion-type:jwt-spiffe';
export const ID_TOKEN = 'urn:ietf:params:oauth:token-type:id_token';
export const ACCESS_TOKEN = 'urn:ietf:params:oauth:token-type:access_token';
export const JWT = 'urn:ietf:params:oauth:token-type:jwt';
export const WIT = 'urn:procura:token-type:wit';

async function credential(...words) {
  const { stdout } = await run(INTEROP_PROCURA, ['dev', ...words, '--dir', INTEROP_DIR], { timeout: 10_000 });
  return stdout.trim();
}

/** The JWT-SVID that the trust domain gives the agent, for the issuer alone. */
export const svid = (agent) => credential('svid', '--kind', 'jwt', '--id', `/agent/${agent}`);

/** The X.509-SVID that the trust domain gives the agent: certificate and key in PEM. */
export const x509Svid = (agent) => credential('svid', '--kind', 'x509', '--id', `/agent/${agent}`);

/** The authority of X.509-SVIDs, which also certified the listener for mutual TLS. */
export const authority = () => readFile(`${INTEROP_DIR}/authority/ca.pem`, 'utf8');

/** The user's ID token. */
export const userToken = (user) => credential('user-token', '--sub', user);

/** What asks for a token to act for the user, without the client's authentication. */
export const delegation = async (user, scope) => ({
  subject_token: await userToken(user),
  subject_token_type: ID_TOKEN,
  resource,
  scope,
});

/** An answer to a request that is given up after ten seconds. */
export const get = (url, init = {}) => fetch(url, { ...init, signal: AbortSignal.timeout(10_000) });
