import { randomBytes } from 'node:crypto';
import { setImmediate as tick } from 'node:timers/promises';
import {
  brotliCompressSync,
  deflateRawSync,
  deflateSync,
  gzipSync,
  zstdCompressSync,
} from 'node:zlib';
import { assert, asyncProperty, nat, uint8Array } from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  decodeBody,
  decodeBodyLater,
  MOST_DECODED_BYTES,
  withDecodedBody,
} from '../../src/verification/decoding.ts';
import { answerHandshake } from '../../src/verification/handshakes.ts';
import { createOpener } from '../../src/verification/opening.ts';
import type { Received } from '../../src/verification/received.ts';
import { headersOf, NOW_MS, request } from './support.ts';
import { ticksDuring } from './ticks.ts';

const open = createOpener({ atOnce: 2 });
/** Does not compress, so that the wire is as large as the text. */
const noise = (bytes: number) => randomBytes(bytes);

function compressed(body: Buffer, headers: Record<string, string> = {}): Received {
  return withDecodedBody(
    request({
      body: gzipSync(body),
      headers: headersOf({ 'content-encoding': 'gzip', ...headers }),
    }),
  );
}

/** A large body whose decoding ends when the test says so. */
function held() {
  const state = { begun: false, isDecoded: false };
  const { promise, resolve } = Promise.withResolvers<void>();
  const received = request({
    decodedBody: () => (state.isDecoded ? Buffer.from('inside') : null),
    largeBody: {
      isDecoded: () => state.isDecoded,
      decode: async () => {
        state.begun = true;
        await promise;
        state.isDecoded = true;
      },
    },
  });
  return { received, state, finish: resolve };
}

const inside = (received: Received) => received.decodedBody?.()?.toString() ?? 'closed';

describe('decoding in the thread pool', () => {
  test.each([
    ['gzip', gzipSync],
    ['deflate', deflateSync],
    ['deflate', deflateRawSync],
    ['br', brotliCompressSync],
    ['zstd', zstdCompressSync],
  ] as const)('comes to the same as on the spot: %s', async (contentEncoding, compress) => {
    const plain = compress(Buffer.concat([noise(20_000), Buffer.alloc(400_000, 'a')]));
    const bombs = [compress(Buffer.alloc(MOST_DECODED_BYTES)), compress(noise(100))];
    for (const body of [plain, plain.subarray(0, -20), Buffer.concat([plain, noise(9)]), ...bombs])
      expect(await decodeBodyLater(body, { contentEncoding })).toEqual(
        decodeBody(body, { contentEncoding }),
      );
    await assert(
      asyncProperty(nat(plain.length - 1), uint8Array({ minLength: 1 }), async (at, bytes) => {
        const body = Buffer.from(plain);
        body.set(bytes.subarray(0, body.length - at), at);
        expect(await decodeBodyLater(body, { contentEncoding })).toEqual(
          decodeBody(body, { contentEncoding }),
        );
      }),
      { numRuns: 30 },
    );
  });

  test('knows no other codings, and keeps the caps', async () => {
    for (const contentEncoding of ['compress', 'gzip, lzma', '__proto__'])
      expect(await decodeBodyLater(noise(9), { contentEncoding })).toEqual({
        problem: 'UNSUPPORTED',
      });
    const body = gzipSync(noise(70_000));
    const capped = await decodeBodyLater(body, { contentEncoding: 'gzip', mostBytes: 65_536 });
    expect(capped).toEqual({ problem: 'TOO_LARGE' });
    const plain = noise(20);
    expect(await decodeBodyLater(plain, { contentEncoding: 'identity' })).toEqual({ body: plain });
  });
});

describe('a large body', () => {
  test('is opened while others go on, and once for all who ask', async () => {
    const received = compressed(noise(3_000_000));
    const { result: first, ticks } = await ticksDuring(() =>
      open(received, (one) => one.decodedBody?.()),
    );
    expect(ticks).toBeGreaterThan(5);
    expect(first).toHaveLength(3_000_000);
    expect(await open(received, (one) => one.decodedBody?.())).toBe(first);
    expect(received.decodedBody?.()).toBe(first);
  });

  test('stays closed where nobody asks', async () => {
    const { received, state } = held();
    expect(await open(received, (one) => one.method)).toBe('POST');
    expect(state.begun).toBe(false);
  });

  test('says what is wrong with it', async () => {
    const cut = withDecodedBody(
      request({
        body: gzipSync(noise(50_000)).subarray(0, 40_000),
        headers: [['content-encoding', 'gzip']],
      }),
    );
    const seen: unknown[] = [];
    const problem = await open(cut, (one) => {
      seen.push(one.decodingProblem?.());
      return one.decodedBody?.() ?? one.decodingProblem?.();
    });
    expect(problem).toContain('cut off');
    expect(seen).toEqual([undefined, problem]);
  });

  test.each([gzipSync(noise(9_000)), noise(40_000)])(
    'is none that is small or not compressed: it is judged once',
    async (body) => {
      const headers = body.length < 16_384 ? [['content-encoding', 'gzip'] as const] : [];
      let times = 0;
      const received = withDecodedBody(request({ body, headers }));
      await open(received, (one) => [one.decodedBody?.(), times++]);
      expect(times).toBe(1);
    },
  );

  test('is not opened for a question that it cannot hold', () => {
    let asked = 0;
    const received = request({
      body: noise(70_000),
      headers: headersOf({
        'twitch-eventsub-message-type': 'webhook_callback_verification',
        'twitch-eventsub-message-id': 'i',
        'twitch-eventsub-message-timestamp': new Date(NOW_MS).toISOString(),
        'twitch-eventsub-message-signature': `sha256=${'0'.repeat(64)}`,
      }),
      decodedBody: () => {
        asked++;
        return null;
      },
    });
    const config = { auth: { webhook_secret_key: 'the secret' } };
    expect(answerHandshake('TWITCH', received, config)).toMatchObject({ status: 401 });
    expect(asked).toBe(0);
  });
});

describe('the line', () => {
  const narrow = () => createOpener({ atOnce: 2, mostWaiting: 1 });

  test('opens two at once, and the next as soon as one is done', async () => {
    const one = narrow();
    const bodies = [held(), held(), held()];
    const verdicts = bodies.map(({ received }) => one(received, inside));
    await tick();
    expect(bodies.map(({ state }) => state.begun)).toEqual([true, true, false]);
    bodies[1]!.finish();
    await tick();
    expect(bodies.map(({ state }) => state.begun)).toEqual([true, true, true]);
    for (const { finish } of bodies) finish();
    expect(await Promise.all(verdicts)).toEqual(['inside', 'inside', 'inside']);
  });

  test('sends away whom it has no room for, but lets the patient wait', async () => {
    const one = narrow();
    const bodies = [held(), held(), held(), held(), held()];
    const whenFull = () => 'later';
    const ask = ({ received }: ReturnType<typeof held>) => one(received, inside, { whenFull });
    const verdicts = bodies.slice(0, 4).map(ask);
    const patient = one(bodies[4]!.received, inside);
    await tick();
    expect(await verdicts[3]).toBe('later');
    expect(bodies[3]!.state.begun).toBe(false);
    for (const { finish } of bodies) finish();
    expect(await Promise.all(verdicts)).toEqual(['inside', 'inside', 'inside', 'later']);
    expect(await patient).toBe('inside');
  });
});
