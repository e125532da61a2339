import { expect, test } from 'vitest';
import { answerHandshake } from '../../src/verification/handshakes.ts';
import type { Received } from '../../src/verification/received.ts';
import type { SourceConfig } from '../../src/verification/source-config.ts';
import type { SourceType } from '../../src/verification/source-types.ts';
import { headersOf, request } from './support.ts';

const config: SourceConfig = { auth: { webhook_secret_key: 'the secret' } };
const post = (json: unknown, headers: Record<string, string> = {}) =>
  request({ body: Buffer.from(JSON.stringify(json)), headers: headersOf(headers) });

function answer(
  type: SourceType,
  received: Received,
  other: SourceConfig = config,
  { takesSecret = true } = {},
) {
  return answerHandshake(type, received, other, { takesSecret });
}

test('Asana and Clio hand over the secret in a header, once', () => {
  const received = request({ headers: [['X-Hook-Secret', 'b537207f20cbfa02']] });
  for (const type of ['ASANA', 'CLIO'] as const) {
    expect(answer(type, received, {})).toMatchObject({
      status: 200,
      headers: { 'x-hook-secret': 'b537207f20cbfa02' },
      storeSecret: { field: 'webhook_secret_key', value: 'b537207f20cbfa02' },
    });
    expect(answer(type, received)).not.toHaveProperty('storeSecret');
    expect(
      answer(type, request({ headers: [['X-Hook-Secret', 'a\r\nSet-Cookie: x']] }), {}),
    ).toBeNull();
  }
});

test('Notion hands it over in the first body, and nobody replaces it', () => {
  const first = post({ verification_token: 'secret_x' });
  expect(answer('NOTION', first, {})).toMatchObject({
    status: 200,
    storeSecret: { value: 'secret_x' },
  });
  expect(answer('NOTION', first)).not.toHaveProperty('storeSecret');
  expect(
    answer('NOTION', post({ verification_token: 'x' }, { 'X-Notion-Signature': 'sha256=00' }), {}),
  ).toBeNull();
});

test('nobody sets a secret while the source is not being set up: refused, with the remedy', () => {
  const asana = request({ headers: [['X-Hook-Secret', 'of-a-stranger']] });
  const notion = post({ verification_token: 'of-a-stranger' });
  for (const [type, received] of [
    ['ASANA', asana],
    ['CLIO', asana],
    ['NOTION', notion],
  ] as const) {
    const refused = answer(type, received, {}, { takesSecret: false });
    expect(refused).toMatchObject({ status: 403, refusal: expect.stringContaining('/setup') });
    expect(refused).not.toHaveProperty('storeSecret');
    expect(JSON.stringify(refused)).not.toContain('of-a-stranger');
  }
});
