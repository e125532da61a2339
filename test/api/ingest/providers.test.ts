import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { startIngest, type Ingest, type Sent } from './ingest.ts';
import { PROVIDERS, type Answer } from './providers.ts';

let ingest: Ingest;
beforeAll(async () => {
  ingest = await startIngest();
});
afterAll(() => ingest.close());

/** What an answer says: the gateway's own words by their key word, anything else as it is. */
function said({ status, text }: Sent): Answer {
  const word = /^{"(?:status|code)":"(\w+)"/.exec(text)?.[1];
  return { status, text: word ?? text };
}

describe.each(PROVIDERS.map((provider) => [provider.type, provider] as const))('%s', (type, it) => {
  test('a signed request is verified, answered as its provider wants it, and waits to be routed', async () => {
    const id = await ingest.source(type, { auth: it.auth });
    const sent = await ingest.sendTo(id, it.signed(id));
    const [kept] = sent.kept;
    expect(kept).toMatchObject({
      verified: true,
      rejection_cause: null,
      rejection_detail: null,
      kind: 'event',
    });
    expect(said(sent)).toEqual(it.accepted);
    expect(await ingest.waiting(id)).toEqual([kept!.id]);
  });

  test('a tampered one is kept with its reason, answered as documented, logged, and not routed', async () => {
    const id = await ingest.source(type, { auth: it.auth });
    const sent = await ingest.sendTo(id, it.tampered(id));
    const [kept] = sent.kept;
    expect(kept).toMatchObject({
      verified: false,
      rejection_cause: 'VERIFICATION_FAILED',
      rejection_detail: { reason: 'WRONG_SECRET_OR_BODY' },
    });
    expect(said(sent)).toEqual(it.refused);
    expect(await ingest.waiting(id)).toEqual([]);
    expect(ingest.logged).toContainEqual(
      expect.objectContaining({ request: kept!.id, reason: 'WRONG_SECRET_OR_BODY' }),
    );
  });

  test('the policy of the source says what an unverified request is answered', async () => {
    for (const status of [200, 401]) {
      const config = { unverified_status: status };
      const id = await ingest.source(type, { auth: it.auth, config });
      const sent = await ingest.sendTo(id, it.tampered(id));
      const isBare = status === 200 && it.accepted.status === 204;
      expect(sent.status).toBe(isBare ? 204 : status);
      expect(sent.kept).toHaveLength(1);
    }
  });
});

test('an answer without content says nothing about content', async () => {
  const { auth, signed } = PROVIDERS.find(({ type }) => type === 'DISCORD')!;
  const id = await ingest.source('DISCORD', { auth });
  const sent = await ingest.sendTo(id, signed(id));
  expect(sent.status).toBe(204);
  expect(sent.headers.has('content-length')).toBe(false);
  expect(sent.headers.has('content-type')).toBe(false);
});
