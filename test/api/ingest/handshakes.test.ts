import sql, { type Sql } from 'sql-template-tag';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { SourceType } from '../../../src/verification/source-types.ts';
import {
  auth,
  CASES,
  discordAuth,
  get,
  post,
  SECRET,
  sha256,
  type Asked,
  type Case,
} from './handshakes.ts';
import { mac, seconds, startIngest, type Ingest } from './ingest.ts';

let ingest: Ingest;
beforeAll(async () => {
  ingest = await startIngest();
});
afterAll(() => ingest.close());

test.each(CASES.map((each) => [`${each.type} ${methodOf(each.asked)}`, each] as const))(
  '%s: the question is answered, kept as a handshake, and not routed',
  async (_name, { type, auth: credentials, asked, says = '', headers = {}, status = 200 }) => {
    const id = await ingest.source(type, credentials ? { auth: credentials } : {});
    const sent = await ingest.sendTo(id, typeof asked === 'function' ? asked(id) : asked);
    expect(sent.status).toBe(status);
    const expected = typeof says === 'function' ? says(id) : says;
    expect(typeof expected === 'string' ? sent.text : JSON.parse(sent.text)).toEqual(expected);
    expect(Object.fromEntries(sent.headers)).toMatchObject(headers);
    expect(sent.kept).toMatchObject([{ kind: 'handshake', rejection_cause: null }]);
    expect(await ingest.waiting(id)).toEqual([]);
  },
);

function methodOf(asked: Case['asked']): string {
  return (typeof asked === 'function' ? undefined : asked.method) ?? 'POST';
}

test('a handshake is answered also where the source takes other methods only, and a GET without a question is 405', async () => {
  const id = await ingest.source('FACEBOOK', { auth, config: { allowed_http_methods: ['POST'] } });
  const asked = get('hub.mode=subscribe&hub.verify_token=v&hub.challenge=c');
  expect((await ingest.sendTo(id, asked)).text).toBe('c');
  expect((await ingest.sendTo(id, get('a=b'))).status).toBe(405);
});

test('a question that is not signed is refused, kept with the reason, and cannot be retried as an event', async () => {
  const id = await ingest.source('DISCORD', { auth: discordAuth });
  const forged = post(
    { type: 1 },
    { 'x-signature-ed25519': '0'.repeat(128), 'x-signature-timestamp': seconds() },
  );
  const sent = await ingest.sendTo(id, forged);
  expect(sent.status).toBe(401);
  expect(sent.kept).toMatchObject([
    {
      kind: 'handshake',
      rejection_cause: null,
      rejection_detail: { reason: 'HANDSHAKE_REFUSED', hint: 'the question was answered 401' },
    },
  ]);
});

test('Xero’s intent to receive: exactly 200 for a good signature and exactly 401 for a bad one', async () => {
  const id = await ingest.source('XERO', { auth });
  const body =
    '{"events":[],"firstEventSequence":0,"lastEventSequence":0,"entropy":"S0m3r4Nd0mt3xt"}';
  const signature = mac(body, { secret: SECRET, encoding: 'base64' });
  const good = await ingest.sendTo(id, { headers: { 'x-xero-signature': signature }, body });
  const bad = await ingest.sendTo(id, { headers: { 'x-xero-signature': 'bm8=' }, body });
  expect([good.status, good.text, bad.status, bad.text]).toEqual([200, '', 401, '']);
  expect(good.kept).toMatchObject([{ kind: 'handshake', rejection_cause: null }]);
  expect(bad.kept).toMatchObject([{ kind: 'handshake' }]);
  expect(await ingest.waiting(id)).toEqual([]);
});

test('Google Drive’s sync is answered and kept, and never routed', async () => {
  const id = await ingest.source('GOOGLE_DRIVE', { auth: { token: 't' } });
  const send = (state: string, token: string) =>
    ingest.sendTo(id, {
      headers: { 'x-goog-resource-state': state, 'x-goog-channel-token': token },
    });
  const sync = await send('sync', 't');
  expect([sync.status, (await send('sync', 'x')).status]).toEqual([200, 401]);
  expect(sync.kept).toMatchObject([{ kind: 'handshake' }]);
  expect(await ingest.waiting(id)).toEqual([]);
  const change = await send('update', 't');
  expect(await ingest.waiting(id)).toEqual([change.kept[0]!.id]);
});

describe('a secret that a handshake hands over', () => {
  type Handed = {
    type: SourceType;
    ask: (secret: string) => Asked;
    signed: (secret: string) => Asked;
  };
  const body = '{"events":[]}';
  const handed: Handed[] = [
    {
      type: 'ASANA',
      ask: (secret) => ({ headers: { 'x-hook-secret': secret } }),
      signed: (secret) => ({ headers: { 'x-hook-signature': mac(body, { secret }) }, body }),
    },
    {
      type: 'NOTION',
      ask: (secret) => post({ verification_token: secret }),
      signed: (secret) => ({
        headers: { 'x-notion-signature': `sha256=${mac(body, { secret })}` },
        body,
      }),
    },
  ];

  test.each(handed.map((each) => [each.type, each] as const))(
    '%s: is kept sealed, verifies the very next request, and is replaced by nobody',
    async (type, { ask, signed }) => {
      const id = await ingest.source(type);
      expect((await ingest.sendTo(id, ask('secret-of-the-provider'))).status).toBe(200);
      const next = await ingest.sendTo(id, signed('secret-of-the-provider'));
      expect(next.kept).toMatchObject([{ verified: true, rejection_cause: null }]);

      const { rows } = await ingest.db.query<{ auth: Buffer }>(
        sql`select auth from sources where id = ${id}`,
      );
      expect(rows[0]!.auth.includes('secret-of-the-provider')).toBe(false);
      expect(ingest.sealer.open(rows[0]!.auth, `${ingest.projectId}/sources/${id}`)).toEqual({
        webhook_secret_key: 'secret-of-the-provider',
      });

      await ingest.sendTo(id, ask('secret-of-a-stranger'));
      const forged = await ingest.sendTo(id, signed('secret-of-a-stranger'));
      expect(forged.kept).toMatchObject([{ rejection_cause: 'VERIFICATION_FAILED' }]);
      const still = await ingest.sendTo(id, signed('secret-of-the-provider'));
      expect(still.kept).toMatchObject([{ rejection_cause: null }]);
    },
  );

  test.each([
    ...handed.map((each) => [each.type, each.ask] as const),
    // The same text, written in another way.
    [
      'NOTION',
      () => ({ method: 'POST', body: '{"verification_token":"h\\u0061nded-over"}' }),
    ] as const,
  ])('%s: is not stored in clear with the request that carried it', async (type, ask) => {
    const id = await ingest.source(type);
    await ingest.sendTo(id, ask('handed-over'));
    const { rows } = await ingest.db.query<{ stored: string }>(sql`
      select d.headers::text || encode(d.body, 'escape') as stored
      from requests r join request_data d on d.id = r.id where r.source_id = ${id}`);
    expect(rows).toHaveLength(1);
    expect(rows[0]!.stored).not.toMatch(/handed-over|h.u0061nded/);
    expect(rows[0]!.stored).toContain('[redacted]');
  });

  test.each(handed.map((each) => [each.type, each] as const))(
    '%s: a stranger sets no secret once the set-up window is over, and the provider does after the operator opened it',
    async (type, { ask, signed }) => {
      const id = await ingest.source(type);
      const until = async (end: Sql) => {
        await ingest.db.query(
          sql`update sources set setup_until = ${end}, updated_at = now() where id = ${id}`,
        );
        await ingest.configuration.refresh();
      };
      await until(sql`now() - interval '1 second'`);
      const refused = await ingest.sendTo(id, ask('secret-of-a-stranger'));
      expect(refused.status).toBe(403);
      expect(refused.kept).toMatchObject([
        {
          kind: 'handshake',
          rejection_detail: {
            reason: 'HANDSHAKE_REFUSED',
            hint: expect.stringContaining('PUT /sources/{id}/setup'),
          },
        },
      ]);
      await until(sql`now() + interval '1 minute'`);
      expect((await ingest.sendTo(id, ask('secret-of-the-provider'))).status).toBe(200);
      const verified = await ingest.sendTo(id, signed('secret-of-the-provider'));
      expect(verified.kept).toMatchObject([{ verified: true }]);
    },
  );

  test('of two that come at once one is kept', async () => {
    const id = await ingest.source('ASANA');
    const secrets = ['first-secret', 'other-secret'];
    const ask = (secret: string) =>
      ingest.send(`/in/${id}`, { method: 'POST', headers: { 'x-hook-secret': secret } });
    await Promise.all(secrets.map(ask));
    const verdicts: boolean[] = [];
    for (const secret of secrets) {
      const headers = { 'x-hook-signature': mac(body, { secret }) };
      const sent = await ingest.sendTo(id, { headers, body });
      verdicts.push(sent.kept[0]!.verified === true);
    }
    expect(verdicts.filter(Boolean)).toHaveLength(1);
  });
});

describe('Fastly asks at the root of the domain', () => {
  const CHALLENGE = '/.well-known/fastly/logging/challenge';

  test('404 without a source of its type; with some, a line for each service, kept as a handshake', async () => {
    expect((await ingest.send(CHALLENGE, { method: 'GET' })).status).toBe(404);
    const first = await ingest.source('FASTLY', { auth: { service_id: 'svc-1' } });
    await ingest.source('FASTLY', { auth: { service_id: 'svc-2' } });
    const sent = await ingest.send(CHALLENGE, { method: 'GET' });
    expect(sent.status).toBe(200);
    expect(sent.headers.get('content-type')).toBe('text/plain; charset=utf-8');
    expect(sent.text.split('\n')).toEqual([sha256('svc-1'), sha256('svc-2')]);
    expect(await ingest.rowsOf(first)).toMatchObject([{ kind: 'handshake' }]);
    expect(await ingest.waiting(first)).toEqual([]);
    expect((await ingest.send(CHALLENGE, { method: 'POST' })).status).toBe(405);

    await ingest.source('FASTLY');
    expect((await ingest.send(CHALLENGE, { method: 'GET' })).text.split('\n')).toContain('*');
  });
});
