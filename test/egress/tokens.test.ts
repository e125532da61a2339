import { generateKeyPairSync } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import { text } from 'node:stream/consumers';
import { jwtVerify } from 'jose';
import { expect, test } from 'vitest';
import type { DestinationAuth } from '../../src/domain/schema/destination-auth.ts';
import { createAuthenticatedSender } from '../../src/egress/authentication.ts';
import { keepInMemory } from '../../src/egress/tokens.ts';
import { httpReceiver, loopbackSender, requestTo } from './receivers.ts';

type Question = { form: Record<string, string>; authorization: string | undefined };

/** An authorization server that hands out token-1, token-2 …; `answer` changes what it says. */
async function authorizationServer(answer: (n: number) => object = () => ({}), status = 200) {
  const questions: Question[] = [];
  const { url } = await httpReceiver((request, response) => {
    void readForm(request).then((form) => {
      questions.push({ form, authorization: request.headers.authorization });
      const n = questions.length;
      const token = { access_token: `token-${n}`, expires_in: 3600, token_type: 'Bearer' };
      response.writeHead(status).end(JSON.stringify({ ...token, ...answer(n) }));
    });
  });
  return { url, questions };
}

async function readForm(request: IncomingMessage): Promise<Record<string, string>> {
  return Object.fromEntries(new URLSearchParams(await text(request)));
}

/** A destination that keeps the authorization of every delivery, and answers 401 to the tokens named. */
async function destination(revoked: string[] = []) {
  const seen: (string | undefined)[] = [];
  const { url } = await httpReceiver((request, response) => {
    const { authorization } = request.headers;
    seen.push(authorization);
    response.writeHead(revoked.includes(authorization ?? '') ? 401 : 200).end();
  });
  return { url, seen };
}

function clientCredentials(url: string, type?: 'basic' | 'bearer' | 'x-www-form-urlencoded') {
  const auth = { auth_server: url, client_id: 'id:1', client_secret: 's/1', scope: 'a b' };
  const chosen = type === undefined ? {} : { authentication_type: type };
  return { auth_type: 'OAUTH2_CLIENT_CREDENTIALS', auth: { ...auth, ...chosen } } as const;
}

test('one token serves all deliveries, also those that start together', async () => {
  const server = await authorizationServer();
  const target = await destination();
  const sender = createAuthenticatedSender({ sender: loopbackSender() });
  const send = () => sender.send(requestTo(target.url), clientCredentials(server.url));
  await Promise.all([send(), send(), send()]);
  await send();
  expect(target.seen).toEqual(Array(4).fill('Bearer token-1'));
  expect(server.questions).toHaveLength(1);
});

test.each([
  ['a client', (url: string) => clientCredentials(url)],
  ['a refresh token', (url: string) => authorizationCode(url)],
])('a token of %s expires by the time that all processes share', async (_what, config) => {
  const server = await authorizationServer((n) => ({ refresh_token: `r${n}` }));
  const target = await destination();
  // Days apart from this machine's.
  let nowMs = Date.now() - 1e9;
  const tokenStore = keepInMemory();
  const send = async () => {
    const now = () => nowMs;
    const sender = createAuthenticatedSender({ sender: loopbackSender(), tokenStore, now });
    const deliver = () => sender.send(requestTo(target.url), config(server.url));
    await deliver();
    nowMs += 3_000_000;
    await deliver();
    nowMs += 600_000;
    await deliver();
  };
  await send();
  expect(target.seen).toEqual([1, 1, 2].map((n) => `Bearer token-${n}`));
});

test.each([
  ['basic', undefined, `Basic ${Buffer.from('id%3A1:s%2F1').toString('base64')}`],
  ['bearer', { client_id: 'id:1' }, 'Bearer s/1'],
  ['x-www-form-urlencoded', { client_id: 'id:1', client_secret: 's/1' }, undefined],
] as const)('the client shows itself by %s', async (type, inForm, authorization) => {
  const server = await authorizationServer();
  const target = await destination();
  const sender = createAuthenticatedSender({ sender: loopbackSender() });
  await sender.send(requestTo(target.url), clientCredentials(server.url, type));
  const form = { grant_type: 'client_credentials', scope: 'a b', ...inForm };
  expect(server.questions).toEqual([{ form, authorization }]);
});

test('a token is asked for anew when it has expired or was refused', async () => {
  const server = await authorizationServer((n) => ({ expires_in: n === 1 ? 0.000_001 : 3600 }));
  const target = await destination(['Bearer token-2']);
  const sender = createAuthenticatedSender({ sender: loopbackSender() });
  for (let i = 0; i < 4; i++) {
    await sender.send(requestTo(target.url), clientCredentials(server.url));
  }
  expect(target.seen).toEqual([1, 2, 3, 3].map((n) => `Bearer token-${n}`));
});

test('tokens are not shared between projects or between credentials', async () => {
  const server = await authorizationServer();
  const target = await destination();
  const sender = createAuthenticatedSender({ sender: loopbackSender() });
  const auth = clientCredentials(server.url);
  await sender.send(requestTo(target.url, { poolKey: 'tm_1' }), auth);
  await sender.send(requestTo(target.url, { poolKey: 'tm_2' }), auth);
  const other = { ...auth, auth: { ...auth.auth, client_secret: 'other' } };
  await sender.send(requestTo(target.url, { poolKey: 'tm_1' }), other);
  expect(target.seen).toEqual([1, 2, 3].map((n) => `Bearer token-${n}`));
});

function authorizationCode(url: string, refreshToken = 'r0') {
  const auth = { auth_server: url, client_id: 'i', client_secret: 's' };
  return {
    auth_type: 'OAUTH2_AUTHORIZATION_CODE',
    auth: { ...auth, refresh_token: refreshToken },
  } as const;
}

/** A server that takes each refresh token once, and hands out the next. */
const rotating = () => authorizationServer((n) => ({ refresh_token: `r${n}` }));

test('a refresh token is used, and a new one from then on, also by the next process', async () => {
  const server = await authorizationServer((n) => ({ refresh_token: `r${n}`, expires_in: 1e-6 }));
  const target = await destination();
  const tokenStore = keepInMemory();
  for (let i = 0; i < 4; i++) {
    // Each stands for a process of its own.
    const sender = createAuthenticatedSender({ sender: loopbackSender(), tokenStore });
    await sender.send(requestTo(target.url), authorizationCode(server.url));
  }
  expect(server.questions.map(({ form }) => form['refresh_token'])).toEqual([
    'r0',
    'r1',
    'r2',
    'r3',
  ]);
});

test('a refresh token that is not rotated is used again', async () => {
  const server = await authorizationServer(() => ({ expires_in: 1e-6 }));
  const target = await destination();
  const sender = createAuthenticatedSender({ sender: loopbackSender() });
  for (let i = 0; i < 2; i++) {
    await sender.send(requestTo(target.url), authorizationCode(server.url));
  }
  expect(server.questions.map(({ form }) => form['refresh_token'])).toEqual(['r0', 'r0']);
});

test('a token that is still valid serves the next process, unless the destination refused it', async () => {
  const server = await rotating();
  const target = await destination(['Bearer token-1']);
  const tokenStore = keepInMemory();
  for (let i = 0; i < 3; i++) {
    const sender = createAuthenticatedSender({ sender: loopbackSender(), tokenStore });
    await sender.send(requestTo(target.url), authorizationCode(server.url));
    await sender.send(requestTo(target.url), authorizationCode(server.url));
  }
  expect(server.questions.map(({ form }) => form['refresh_token'])).toEqual(['r0', 'r1']);
  expect(target.seen).toEqual(['Bearer token-1', ...Array(5).fill('Bearer token-2')]);
});

test.each([
  ['secret', { client_secret: 'renewed' }],
  ['scope', { scope: 'all' }],
])('a new %s beside the saved refresh token goes on with the newest one', async (_, change) => {
  const server = await rotating();
  const target = await destination();
  const sender = createAuthenticatedSender({ sender: loopbackSender() });
  const saved = authorizationCode(server.url);
  await sender.send(requestTo(target.url), saved);
  // The saved one is the only one its owner knows, and was used up long ago.
  const changed = { ...saved, auth: { ...saved.auth, ...change } };
  await sender.send(requestTo(target.url), changed);
  await sender.send(requestTo(target.url), changed);
  expect(server.questions.map(({ form }) => form)).toMatchObject([
    { refresh_token: 'r0' },
    { refresh_token: 'r1', ...change },
  ]);
  expect(target.seen).toEqual([1, 2, 2].map((n) => `Bearer token-${n}`));
});

test('credentials that are saved anew begin with their own refresh token', async () => {
  const server = await rotating();
  const target = await destination();
  const sender = createAuthenticatedSender({ sender: loopbackSender() });
  await sender.send(requestTo(target.url), authorizationCode(server.url));
  await sender.send(requestTo(target.url), authorizationCode(server.url, 'new'));
  expect(server.questions.map(({ form }) => form['refresh_token'])).toEqual(['r0', 'new']);
});

test.each([
  ['a scope', 'https://www.googleapis.com/auth/pubsub'],
  ['no scope', null],
])('a Google service account with %s signs its question', async (_what, scope) => {
  const { privateKey, publicKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
  const server = await authorizationServer(() =>
    scope === null ? { access_token: undefined, id_token: 'identity' } : {},
  );
  const key = {
    client_email: 'robot@project.example',
    private_key: privateKey.export({ type: 'pkcs8', format: 'pem' }),
    token_uri: server.url,
  };
  const target = await destination();
  const sender = createAuthenticatedSender({ sender: loopbackSender() });
  const auth = { service_account_key: JSON.stringify(key), scope };
  await sender.send(requestTo(target.url), { auth_type: 'GCP_SERVICE_ACCOUNT', auth });
  const assertion = server.questions[0]?.form['assertion'] ?? '';
  const { payload } = await jwtVerify(assertion, publicKey, { audience: server.url });
  expect(payload).toMatchObject({ iss: 'robot@project.example' });
  expect(payload).toMatchObject(scope ? { scope } : { target_audience: target.url.slice(0, -1) });
  expect(target.seen).toEqual([scope ? 'Bearer token-1' : 'Bearer identity']);
});

const refusals: [what: string, config: () => Promise<DestinationAuth>][] = [
  [
    'the server says no',
    async () => clientCredentials((await authorizationServer(() => ({}), 401)).url),
  ],
  [
    'the server answers without one',
    async () => clientCredentials((await authorizationServer(() => ({ access_token: null }))).url),
  ],
  ['the server hangs', async () => clientCredentials((await httpReceiver(() => {})).url)],
  [
    'the server is at a private address',
    () => Promise.resolve(clientCredentials('http://169.254.169.254/token')),
  ],
  [
    'the service account key is none',
    () =>
      Promise.resolve({ auth_type: 'GCP_SERVICE_ACCOUNT', auth: { service_account_key: '{}' } }),
  ],
];

test.each(refusals)('without a token nothing is sent: %s', async (_what, config) => {
  const target = await destination();
  const sender = createAuthenticatedSender({ sender: loopbackSender() });
  const outcome = await sender.send(requestTo(target.url, { timeoutMs: 300 }), await config());
  expect(outcome).toMatchObject({ kind: 'refused', errorCode: 'OAUTH2_HANDSHAKE_FAILED' });
  expect(target.seen).toEqual([]);
});
