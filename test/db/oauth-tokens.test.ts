import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';
import sql from 'sql-template-tag';
import { afterAll, describe, expect, onTestFinished, test } from 'vitest';
import { createTokenStore } from '../../src/db/oauth-tokens.ts';
import { createSealer } from '../../src/db/sealing.ts';
import { createAddressGuard } from '../../src/egress/address-guard.ts';
import { createAuthenticatedSender } from '../../src/egress/authentication.ts';
import { createSender } from '../../src/egress/send.ts';
import { testDatabase } from '../support/postgres.ts';
import { until } from '../support/until.ts';

const { db, drop } = await testDatabase();
afterAll(drop);
const sealer = createSealer('a key of the tests');
const tokenStore = createTokenStore({ db, sealer });

/** A server that takes each refresh token once: one that is used twice ends all of them, as such servers do. */
async function rotatingServer(lifeS: number) {
  const used: string[] = [];
  let valid = 'r0';
  const server = createServer((request, response) => {
    void text(request).then((body) => {
      if (request.url === '/hook') return void response.end();
      const given = new URLSearchParams(body).get('refresh_token') ?? '';
      used.push(given);
      if (given !== valid) return void response.writeHead(400).end('{"error":"invalid_grant"}');
      valid = `r${used.length}`;
      const answer = { access_token: `t${used.length}`, refresh_token: valid, expires_in: lifeS };
      setTimeout(() => response.end(JSON.stringify(answer)), 50);
    });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  onTestFinished(() => server.close().closeAllConnections());
  const { port } = server.address() as AddressInfo;
  return { url: `http://127.0.0.1:${port}`, used };
}

/** A worker of its own, which sends to the hook as this destination. */
function worker(url: string, destination: string) {
  const guard = createAddressGuard({ allowCidrs: ['127.0.0.0/8'] });
  const sender = createSender({ guard, closeWithinMs: 100 });
  onTestFinished(() => sender.close());
  const authenticated = createAuthenticatedSender({ sender, tokenStore });
  return (refreshToken = 'r0') =>
    authenticated.send(
      {
        url: `${url}/hook`,
        method: 'POST',
        headers: [],
        body: Buffer.from('{}'),
        timeoutMs: 10_000,
        poolKey: `tm_1/${destination}`,
      },
      {
        auth_type: 'OAUTH2_AUTHORIZATION_CODE',
        auth: {
          auth_server: `${url}/token`,
          client_id: 'i',
          client_secret: 's',
          refresh_token: refreshToken,
        },
      },
    );
}

const kindsOf = (outcomes: { kind: string }[]) => outcomes.map(({ kind }) => kind);

test('a rotated refresh token outlives every process', async () => {
  const { url, used } = await rotatingServer(0.000_001);
  for (let i = 0; i < 3; i++) {
    expect(await worker(url, 'des_restart')()).toMatchObject({ kind: 'delivered' });
  }
  expect(used).toEqual(['r0', 'r1', 'r2']);
});

test('of many workers that need a token at once one asks, and all have it', async () => {
  const { url, used } = await rotatingServer(3600);
  const workers = Array.from({ length: 6 }, () => worker(url, 'des_many'));
  const outcomes = await Promise.all(workers.map((send) => send()));
  expect(kindsOf(outcomes)).toEqual(Array(6).fill('delivered'));
  expect(used).toEqual(['r0']);
});

test('what is kept is encrypted, and goes when other credentials are used', async () => {
  const { url } = await rotatingServer(3600);
  const rows = async () => {
    const found = await db.query<{ tokens: Buffer }>(
      sql`select tokens from oauth_tokens where owner = 'tm_1/des_changed'`,
    );
    return found.rows;
  };
  await worker(url, 'des_changed')();
  const [first] = await rows();
  expect(first!.tokens.toString('latin1')).not.toMatch(/t1|r1|refresh/);
  // Saved anew: a refresh token that the server gave the operator, here the one that is valid.
  expect(await worker(url, 'des_changed')('r1')).toMatchObject({ kind: 'delivered' });
  const left = await rows();
  expect(left).toHaveLength(1);
  expect(left[0]!.tokens.equals(first!.tokens)).toBe(false);
});

test('a worker that died while it asked keeps the others waiting for its lease alone', async () => {
  const { url, used } = await rotatingServer(3600);
  const send = worker(url, 'des_died');
  expect(await send()).toMatchObject({ kind: 'delivered' });
  await db.query(sql`update oauth_tokens set tokens = null,
    leased_until = now() + interval '500 ms' where owner = 'tm_1/des_died'`);
  const outcome = await worker(url, 'des_died')('r1');
  expect(outcome).toMatchObject({ kind: 'delivered' });
  expect(used).toEqual(['r0', 'r1']);
});

describe('a lease that ran out while its holder was still asking', () => {
  const tokens = (refreshToken: string) => ({
    refreshToken,
    credentials: 'c',
    accessToken: `for ${refreshToken}`,
    expiresAtMs: 0,
  });
  const twoLeases = async (key: string) => {
    const first = (await tokenStore.lease(key, { owner: key, forMs: 1 }))!;
    const take = () => tokenStore.lease(key, { owner: key, forMs: 60_000 });
    return { first, second: await until('the first has run out', take) };
  };

  test('does not replace the tokens of the next one, which were given out later', async () => {
    const { first, second } = await twoLeases('replaced');
    await tokenStore.save('replaced', { owner: 'replaced', lease: second, tokens: tokens('r2') });
    await tokenStore.save('replaced', { owner: 'replaced', lease: first, tokens: tokens('r1') });
    expect(await tokenStore.read('replaced')).toEqual(tokens('r2'));
  });

  test('still keeps its tokens where the next one has got none yet, and leaves it its lease', async () => {
    const { first, second } = await twoLeases('late');
    await tokenStore.save('late', { owner: 'late', lease: first, tokens: tokens('r1') });
    expect(await tokenStore.read('late')).toEqual(tokens('r1'));
    await tokenStore.release('late', first);
    expect(await tokenStore.lease('late', { owner: 'late', forMs: 1 })).toBeNull();
    await tokenStore.save('late', { owner: 'late', lease: second, tokens: tokens('r2') });
    expect(await tokenStore.read('late')).toEqual(tokens('r2'));
    expect(await tokenStore.lease('late', { owner: 'late', forMs: 1 })).not.toBeNull();
  });

  test('takes nothing away from a refresh token that was saved anew meanwhile', async () => {
    const owner = 'saved anew';
    const old = (await tokenStore.lease('old', { owner, forMs: 1 }))!;
    const lease = (await tokenStore.lease('new', { owner, forMs: 60_000 }))!;
    await tokenStore.save('new', { owner, lease, tokens: tokens('n1') });
    await tokenStore.save('old', { owner, lease: old, tokens: tokens('r1') });
    expect(await tokenStore.read('new')).toEqual(tokens('n1'));
  });
});

test('an authorization server that says no is told of, and asked again by the next', async () => {
  const { url, used } = await rotatingServer(3600);
  const send = worker(url, 'des_refused');
  for (let i = 0; i < 2; i++) {
    expect(await send('wrong')).toMatchObject({ errorCode: 'OAUTH2_HANDSHAKE_FAILED' });
  }
  expect(used).toEqual(['wrong', 'wrong']);
});
