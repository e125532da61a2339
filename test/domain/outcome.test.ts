import { expect, test } from 'vitest';
import { parseRetryAfter } from '../../src/domain/outcome.ts';

const nowMs = Date.UTC(2026, 10, 23, 12, 0, 0);
const inSeconds = (seconds: number) => ({ kind: 'at-least', ms: seconds * 1000 });

test.each([
  ['120', inSeconds(120)],
  ['0', inSeconds(0)],
  ['1.5', inSeconds(1.5)],
  [' 7 ', inSeconds(7)],
  ['30000', inSeconds(30_000)],
  ['Mon, 23 Nov 2026 12:01:00 GMT', inSeconds(60)],
  ['Monday, 23-Nov-26 12:01:00 GMT', inSeconds(60)],
  ['Mon Nov 23 12:01:00 2026', inSeconds(60)],
  ['Mon, 23 Nov 2026 11:00:00 GMT', inSeconds(0)],
])('Retry-After %j is a wait', (value, expected) => {
  expect(parseRetryAfter(value, nowMs)).toEqual(expected);
});

test.each([
  [String(nowMs / 1000 + 90), inSeconds(90)],
  [String(nowMs + 90_000), inSeconds(90)],
  [String(nowMs / 1000 - 90), inSeconds(0)],
])('Retry-After %j is a time since 1970', (value, expected) => {
  expect(parseRetryAfter(value, nowMs)).toEqual(expected);
});

test('Retry-After -1 ends the retries', () => {
  expect(parseRetryAfter('-1', nowMs)).toEqual({ kind: 'stop' });
});

test.each([
  '',
  'soon',
  '-2',
  '1e9',
  '-120',
  '+5',
  '5s',
  '5, 5',
  '1,5',
  '0x10',
  'NaN',
  '2026-11-23T12:01:00Z',
  '23 Nov 2026',
  'Mon, 99 Nov 2026 12:01:00 GMT',
  '9'.repeat(400),
])('Retry-After %j is passed over', (value) => {
  expect(parseRetryAfter(value, nowMs)).toBeNull();
});

test('no Retry-After is no wait', () => {
  expect(parseRetryAfter(undefined, nowMs)).toBeNull();
});
