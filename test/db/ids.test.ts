import { expect, test } from 'vitest';
import {
  attemptId,
  derivedRange,
  eventId,
  firstIdAt,
  IdPrefix,
  isId,
  newId,
  requestIdOf,
  timeOfId,
  type IdKind,
} from '../../src/db/ids.ts';

test('ids sort by the time they were made, also within a millisecond', () => {
  const ids = Array.from({ length: 10_000 }, () => newId('request'));
  expect(ids.toSorted()).toEqual(ids);
  expect(new Set(ids).size).toBe(ids.length);
});

test.each([0, 1, 1_700_000_000_000, 2 ** 49])('an id tells its time: %i', (ms) => {
  expect(timeOfId(newId('event', ms))).toBe(ms);
  expect(firstIdAt('event', ms) <= newId('event', ms)).toBe(true);
  expect(newId('event', ms) < firstIdAt('event', ms + 1)).toBe(true);
});

test('an event tells the request it was made of', () => {
  const request = newId('request');
  expect(requestIdOf(eventId(request, newId('connection')))).toBe(request);
});

test('an id carries its kind, and is no id of another', () => {
  for (const kind of Object.keys(IdPrefix) as IdKind[]) {
    const id = newId(kind);
    expect(isId(kind, id)).toBe(true);
    expect(isId(kind === 'source' ? 'event' : 'source', id)).toBe(false);
  }
  expect(isId('source', 'src_')).toBe(false);
  expect(isId('source', "src_01' or true--012345")).toBe(false);
});

test('the event of a request and a connection always has the same id, other pieces have others', () => {
  const request = newId('request');
  const [a, b] = [newId('connection'), newId('connection')];
  expect(eventId(request, a)).toBe(eventId(request, a));
  const ids = [eventId(request, a), eventId(request, b), eventId(request, a, '1')];
  expect(new Set(ids).size).toBe(3);
  for (const id of ids) expect(isId('event', id)).toBe(true);
});

test('what derives from a request lies in its range, and nothing else does', () => {
  const request = newId('request', 1_000);
  const event = eventId(request, newId('connection'));
  const { from, to } = derivedRange('event', request);
  expect(from <= event && event < to).toBe(true);
  const neighbour = eventId(newId('request', 1_000), newId('connection'));
  expect(from <= neighbour && neighbour < to).toBe(false);
  const attempts = derivedRange('attempt', event);
  const id = attemptId(event, 12);
  expect(attempts.from <= id && id < attempts.to).toBe(true);
});

test('attempts sort by their number', () => {
  const event = eventId(newId('request'), newId('connection'));
  const ids = [1, 2, 10, 99, 100, 9_999].map((number) => attemptId(event, number));
  expect(ids.toSorted()).toEqual(ids);
});
