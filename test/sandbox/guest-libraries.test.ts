import { createHash, createHmac } from 'node:crypto';
import { afterAll, describe, expect, it } from 'vitest';
import { handler, inputOf, jobOf, onlyRequest, testPool } from './sandbox.ts';

const pool = testPool();
afterAll(() => pool.close());

/** What an expression over `input` gives in a guest. */
async function inGuest(expression: string, input: unknown = null): Promise<unknown> {
  const code = handler(
    `({ headers, body: input }) => ({ headers, body: { value: ${expression} } })`,
  );
  const request = {
    headers: { 'content-type': 'application/json' },
    body: input,
    query: '',
    path: '/',
  };
  const outcome = await pool.run(jobOf(code, { input: inputOf(request), version: expression }));
  return (JSON.parse(onlyRequest(outcome).body) as { value: unknown }).value;
}

describe('crypto agrees with node:crypto', () => {
  const texts = ['', 'abc', 'ä€😀', 'x'.repeat(1_000)];

  it.each(['md5', 'sha1', 'sha224', 'sha256', 'sha384', 'sha512'])('%s', async (name) => {
    for (const encoding of ['hex', 'base64', 'base64url'] as const) {
      const expression = `input.map((text) => [crypto.createHash('${name}').update(text).digest('${encoding}'), crypto.createHmac('${name}', 'key ü').update(text).digest('${encoding}')])`;
      const expected = texts.map((text) => [
        createHash(name).update(text).digest(encoding),
        createHmac(name, 'key ü').update(text).digest(encoding),
      ]);
      expect(await inGuest(expression, texts)).toEqual(expected);
    }
  });

  it('takes bytes, several updates, encoded text and names in capitals', async () => {
    const expression = `crypto.createHmac('SHA-256', new Uint8Array([1, 2, 3])).update(new Uint8Array([255, 0]).buffer).update('00ff', 'hex').update('_-8', 'base64url').digest('hex')`;
    const expected = createHmac('sha256', Buffer.from([1, 2, 3]))
      .update(Buffer.from([255, 0]))
      .update('00ff', 'hex')
      .update('_-8', 'base64url')
      .digest('hex');
    expect(await inGuest(expression)).toBe(expected);
    expect(await inGuest(`Array.from(crypto.createHash('md5').update('a').digest())`)).toEqual([
      ...createHash('md5').update('a').digest(),
    ]);
  });

  it('compares without telling where the difference is', async () => {
    expect(
      await inGuest(
        `[crypto.timingSafeEqual('abc', 'abc'), crypto.timingSafeEqual(new Uint8Array([1]), new Uint8Array([2]))]`,
      ),
    ).toEqual([true, false]);
    expect(
      await inGuest(
        `(() => { try { crypto.timingSafeEqual('a', 'ab') } catch (error) { return error.name } })()`,
      ),
    ).toBe('RangeError');
    expect(
      await inGuest(
        `(() => { try { crypto.createHash('sha3') } catch (error) { return error.message } })()`,
      ),
    ).toContain('no digest "sha3"');
  });

  it('makes version 4 UUIDs that differ within an event and between events', async () => {
    const expression = 'Array.from({ length: 50 }, () => crypto.randomUUID())';
    const all = [await inGuest(expression), await inGuest(expression)].flat() as string[];
    expect(new Set(all).size).toBe(100);
    for (const id of all)
      expect(id).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
  });
});

describe('text and base64 agree with Node', () => {
  it('atob and btoa', async () => {
    const texts = ['', 'a', 'ab', 'abc', '\0\u00ff'];
    expect(await inGuest('input.map(btoa)', texts)).toEqual(texts.map(btoa));
    const encoded = ['', 'YQ==', 'YQ', ' Y W I = ', '+/+/'];
    expect(await inGuest('input.map((text) => atob(text))', encoded)).toEqual(encoded.map(atob));
    expect(
      await inGuest(
        `['Y', 'YQ=', '*', 'Y=Q='].map((text) => { try { atob(text) } catch { return 'refused' } })`,
      ),
    ).toEqual(Array(4).fill('refused'));
    expect(await inGuest(`(() => { try { btoa('€') } catch { return 'refused' } })()`)).toBe(
      'refused',
    );
  });

  it('TextEncoder and TextDecoder, also on what is not UTF-8', async () => {
    const texts = ['', 'aä€😀', 'x\ud800y', '\ufeffbom'];
    expect(
      await inGuest('input.map((text) => Array.from(new TextEncoder().encode(text)))', texts),
    ).toEqual(texts.map((text) => [...new TextEncoder().encode(text)]));
    const bytes = [
      [0xef, 0xbb, 0xbf, 65],
      [0xc0, 0x80],
      [0xe2, 0x82],
      [0xed, 0xa0, 0x80],
      [0xf4, 0x90, 0x80, 0x80],
      [0xf0, 0x9f, 0x98, 0x80],
      [0x80, 65, 0xff],
      [0xe2, 0x82, 65],
    ];
    expect(
      await inGuest('input.map((bytes) => new TextDecoder().decode(new Uint8Array(bytes)))', bytes),
    ).toEqual(bytes.map((list) => new TextDecoder().decode(new Uint8Array(list))));
    expect(
      await inGuest(
        `(() => { try { new TextDecoder('utf-8', { fatal: true }).decode(new Uint8Array([255])) } catch (error) { return error.name } })()`,
      ),
    ).toBe('TypeError');
  });
});

it('a library is there for the code that names it, whatever ran before, and costs the others nothing', async () => {
  expect(await inGuest('typeof crypto + typeof URL')).toBe('objectfunction');
  expect(await inGuest('Object.keys(globalThis)')).toEqual([]);
});
