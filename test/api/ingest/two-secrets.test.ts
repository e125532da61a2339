import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { mac, startIngest, type Ingest } from './ingest.ts';

let ingest: Ingest;
beforeAll(async () => {
  ingest = await startIngest();
});
afterAll(() => ingest.close());

const SECRET = 'the-secret';
const auth = { webhook_secret_key: SECRET };

describe('two secrets', () => {
  const sendSigned = (id: string, secret: string) => {
    const headers = { 'x-hub-signature-256': `sha256=${mac('{}', { secret })}` };
    return ingest.sendTo(id, { headers, body: '{}' });
  };

  test('both verify until the older one’s not_after, and then the newer alone', async () => {
    const soon = new Date(Date.now() + 60_000).toISOString();
    const past = new Date(Date.now() - 1_000).toISOString();
    for (const [end, reason] of [
      [soon, null],
      [past, { reason: 'WRONG_SECRET_OR_BODY' }],
    ] as const) {
      const rotated = { ...auth, previous_secrets: [{ value: 'older', not_after: end }] };
      const id = await ingest.source('GITHUB', { auth: rotated });
      expect((await sendSigned(id, SECRET)).kept).toMatchObject([{ verified: true }]);
      expect((await sendSigned(id, 'older')).kept).toMatchObject([{ verified: reason === null }]);
      expect((await sendSigned(id, 'neither')).kept).toMatchObject([{ verified: false }]);
    }
  });
});
