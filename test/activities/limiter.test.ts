import { expect, test } from 'vitest';
import { createPlaces } from '../../src/activities/limiter.ts';

test('places are given as far as there are any, and the rest waits in order', async () => {
  const places = createPlaces(3);
  expect(await places.take('a', 2)).toBe(2);
  expect(await places.take('a', 5)).toBe(1);
  const got: string[] = [];
  const first = places.take('a').then(() => got.push('first'));
  const second = places.take('a').then(() => got.push('second'));
  places.give('a', 1);
  await first;
  expect(got).toEqual(['first']);
  places.give('a', 2);
  await second;
  expect(got).toEqual(['first', 'second']);
});

test('one key does not wait for another', async () => {
  const places = createPlaces(1);
  await places.take('a');
  expect(await places.take('b')).toBe(1);
});

test('whoever asks for several at least gets them together, or after a moment what there is', async () => {
  const places = createPlaces(4);
  await places.take('a', 4);
  const together = places.take('a', 3, 3);
  for (let n = 0; n < 3; n++) places.give('a', 1);
  expect(await together).toBe(3);
  const few = places.take('a', 3, 3);
  places.give('a', 1);
  expect(await few).toBe(1);
});

test('as many begin as there are credits for, and the places of the others are free', async () => {
  const credits = {
    take: (most: number) => Promise.resolve(Math.min(most, 2)),
  };
  const places = createPlaces(3, credits);
  expect(await places.take('a', 3)).toBe(2);
  expect(await places.take('a', 3)).toBe(1);
  expect(places.isFull('a')).toBe(true);
});

test('who waits for a place takes no credits from others meanwhile', async () => {
  let taken = 0;
  const credits = {
    take: (most: number) => {
      taken += most;
      return Promise.resolve(most);
    },
  };
  const places = createPlaces(1, credits);
  await places.take('hangs');
  const waiting = places.take('hangs');
  expect(await places.take('answers')).toBe(1);
  expect(taken).toBe(2);
  places.give('hangs', 1);
  expect(await waiting).toBe(1);
  expect(taken).toBe(3);
});
