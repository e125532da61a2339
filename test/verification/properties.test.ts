import { describe, expect, test } from 'vitest';
import { compileVerifier } from '../../src/verification/compile.ts';
import type { Scheme, SignedScheme } from '../../src/verification/engine/scheme.ts';
import type { Received } from '../../src/verification/received.ts';
import {
  sourceTypeNames,
  sourceTypes,
  type SourceType,
} from '../../src/verification/source-types.ts';
import { AWKWARD_BODY, NOW_MS, secretFor, signRequest, verifyWith } from './support.ts';

type Case = {
  name: string;
  type: SourceType;
  scheme: SignedScheme;
  auth: (secret: string) => Record<string, unknown>;
};

/** Every HMAC or digest scheme of every provider, with the configuration that chooses it. */
function casesOf(type: SourceType, scheme: Scheme, extra: Record<string, unknown> = {}): Case[] {
  if (scheme.kind === 'any') return scheme.of.flatMap((one) => casesOf(type, one, extra));
  if (scheme.kind === 'choice') {
    return Object.entries(scheme.of).flatMap(([name, one]) =>
      casesOf(type, one, { ...extra, [scheme.field]: name }),
    );
  }
  if (scheme.kind !== 'signed' || scheme.key === 'public' || scheme.signature.startsWith('form:'))
    return [];
  const field = sourceTypes[type].secretField ?? '';
  const needs = type === 'TIKTOK_SHOP' ? { app_key: 'app_1' } : {};
  return [
    {
      name: `${type} ${scheme.signature} ${scheme.algorithm}`,
      type,
      scheme,
      auth: (secret) => ({ ...needs, ...extra, [field]: secret }),
    },
  ];
}

const cases = sourceTypeNames.flatMap((type) => casesOf(type, sourceTypes[type].scheme));

// Schemes that read a field of the body need JSON; the others must bear anything.
function bodyFor({ scheme }: Case): Buffer {
  const needsJson =
    scheme.content.includes('{json:') || scheme.timestamp?.from.startsWith('json:') === true;
  return needsJson ? Buffer.from(`{"payloadId":"p1","webhookTimestamp":${NOW_MS}}`) : AWKWARD_BODY;
}

function signedBy(
  one: Case,
  options: { atMs?: number; secret?: string; body?: Buffer } = {},
): Received {
  const { secret = secretFor(one.scheme), body = bodyFor(one), ...rest } = options;
  return signRequest({ scheme: one.scheme, secret, body, fields: { app_key: 'app_1' }, ...rest });
}

function verify(one: Case, received: Received, secret = secretFor(one.scheme)) {
  return verifyWith(one.type, { auth: one.auth(secret) }, received);
}

function signatureIndex(one: Case, received: Received): number {
  const name = one.scheme.signature.slice(7);
  const isNumbered = one.scheme.layout.kind === 'numbered';
  return received.headers.findIndex(([header]) => header === (isNumbered ? `${name}1` : name));
}

function withHeader(
  received: Received,
  index: number,
  change: (value: string) => string,
): Received {
  return {
    ...received,
    headers: received.headers.map(([name, value], at) => [
      name,
      at === index ? change(value) : value,
    ]),
  };
}

test('the property set covers the providers', () => {
  expect(new Set(cases.map((one) => one.type)).size).toBeGreaterThan(95);
});

describe.each(cases)('$name', (one) => {
  const good = signedBy(one);
  const signsBody = /\{(?:body|sha256)/.test(one.scheme.content);

  test('accepts what the provider signed, and its replay key is stable', () => {
    const [first, second] = [verify(one, good), verify(one, good)];
    expect(first).toMatchObject({ verified: true });
    expect(second).toEqual(first);
    const isMarked = one.scheme.timestamp !== undefined || one.scheme.replay !== 'none';
    expect('replayKey' in first).toBe(isMarked);
  });

  const verifier = compileVerifier(one.type, { auth: one.auth(secretFor(one.scheme)) });
  const isAccepted = (received: Received) => {
    const verdict = verifier?.verify(received);
    return verdict === undefined || !('verified' in verdict) || verdict.verified;
  };

  if (signsBody) {
    test('refuses the body with any bit flipped, cut or grown', () => {
      const { body } = good;
      const others = Array.from({ length: body.length * 8 }, (_, bit) => withBitFlipped(body, bit));
      others.push(body.subarray(0, -1), body.subarray(1), Buffer.alloc(0));
      others.push(Buffer.concat([body, Buffer.from(' ')]));
      expect(others.filter((other) => isAccepted({ ...good, body: other }))).toEqual([]);
    });
  }

  test('refuses the signature with any character changed, cut, grown or emptied', () => {
    const index = signatureIndex(one, good);
    const value = good.headers[index]?.[1] ?? '';
    const start = value.length - tail(one, value);
    const changed = Array.from({ length: value.length - start }, (_, offset) => {
      const at = start + offset;
      return value.slice(0, at) + (value[at] === 'A' ? 'B' : 'A') + value.slice(at + 1);
    }).filter((other) => !isSameSignature(one, value, other));
    const mangled = [value.slice(0, -1), value.slice(0, start), `${value}A`, `${value}==`];
    const others = [...changed, ...mangled, '', ' ', '=', ',', value.slice(start + 1)];
    expect(others.filter((other) => isAccepted(withHeader(good, index, () => other)))).toEqual([]);
  });

  test('refuses every other signed header, the timestamp included, with any bit flipped', () => {
    const index = signatureIndex(one, good);
    const others = good.headers.flatMap(([, value], at) =>
      at === index
        ? []
        : Array.from({ length: value.length * 7 }, (_, bit) =>
            withHeader(good, at, () => flipped(value, bit)),
          ),
    );
    expect(others.filter(isAccepted)).toEqual([]);
  });

  test('refuses a wrong secret, a missing header and a doubled one', () => {
    const index = signatureIndex(one, good);
    expect(verify(one, good, secretFor(one.scheme, 'another secret'))).toMatchObject({
      verified: false,
      reason: 'WRONG_SECRET_OR_BODY',
    });
    const without = { ...good, headers: good.headers.filter((_, at) => at !== index) };
    expect(verify(one, without)).toMatchObject({ verified: false, reason: 'MISSING_SIGNATURE' });
    const header = good.headers[index] ?? ['', ''];
    const doubled = verify(one, { ...good, headers: [...good.headers, header] });
    const { layout } = one.scheme;
    // One sender doubles it while it changes its secret.
    const mayRepeat = layout.kind === 'list' && layout.repeated === true;
    expect(doubled).toMatchObject(
      mayRepeat ? { verified: true } : { verified: false, reason: 'DUPLICATE_SIGNATURE' },
    );
  });

  const toleranceMs = one.scheme.timestamp?.toleranceMs ?? 0;
  if (toleranceMs > 0) {
    test('refuses timestamps too old and in the future, measured at receipt', () => {
      const inBody = one.scheme.timestamp?.from.startsWith('json:') === true;
      const at = (offsetMs: number) =>
        inBody
          ? signedBy(one, { body: Buffer.from(`{"webhookTimestamp":${NOW_MS + offsetMs}}`) })
          : signedBy(one, { atMs: NOW_MS + offsetMs });
      expect(verify(one, at(-toleranceMs + 2_000))).toMatchObject({ verified: true });
      expect(verify(one, at(toleranceMs - 2_000))).toMatchObject({ verified: true });
      expect(verify(one, at(-toleranceMs - 2_000))).toMatchObject({ reason: 'TIMESTAMP_TOO_OLD' });
      expect(verify(one, at(toleranceMs + 2_000))).toMatchObject({ reason: 'TIMESTAMP_IN_FUTURE' });
      const late = { ...at(-toleranceMs - 2_000), receivedAtMs: NOW_MS - toleranceMs };
      expect(verify(one, late)).toMatchObject({ verified: true });
    });
  }
});

function withBitFlipped(bytes: Buffer, bit: number): Buffer {
  const copy = Buffer.from(bytes);
  copy[bit >> 3] = (copy[bit >> 3] ?? 0) ^ (1 << (bit & 7));
  return copy;
}

function flipped(text: string, bit: number): string {
  const at = Math.floor(bit / 7);
  const unit = text.charCodeAt(at) ^ (1 << (bit % 7));
  return text.slice(0, at) + String.fromCharCode(unit) + text.slice(at + 1);
}

// The signature alone, without what stands before it in its header.
function tail(one: Case, value: string): number {
  const { layout } = one.scheme;
  if (layout.kind === 'prefix' || layout.kind === 'list')
    return value.length - layout.prefix.length;
  if (layout.kind === 'pairs')
    return value.length - value.lastIndexOf(`${layout.signature}=`) - layout.signature.length - 1;
  return layout.kind === 'positions'
    ? value.length - value.lastIndexOf(layout.separator) - 1
    : value.length;
}

// Hexadecimal digits mean the same in both cases.
function isSameSignature(one: Case, a: string, b: string): boolean {
  return one.scheme.encoding === 'hex' && a.toLowerCase() === b.toLowerCase();
}
