import { expect, test } from 'vitest';
import { createFlights, Stopping } from '../../src/activities/flights.ts';
import { createPlaces } from '../../src/activities/limiter.ts';

test('an event that is under way is taken by nobody else until it is over', () => {
  const flights = createFlights();
  expect(flights.enter(['a', 'b'])).toEqual(['a', 'b']);
  expect(flights.enter(['b', 'c'])).toEqual(['c']);
  flights.leave(['b']);
  expect(flights.enter(['b'])).toEqual(['b']);
});

test('an outcome is waited for until the process gives up, and then it is none', async () => {
  const flights = createFlights();
  const hanging = flights.watch(new Promise(() => {}));
  expect(await flights.watch(Promise.resolve('known'))).toBe('known');
  flights.giveUp();
  await expect(hanging).rejects.toThrow(Stopping);
  await expect(flights.watch(Promise.resolve('late'))).rejects.toThrow(Stopping);
});

test('whoever waits for a place when the process stops hears of it, and no more are given', async () => {
  const places = createPlaces(1);
  await places.take('a');
  const waiting = places.take('a');
  places.close(new Stopping());
  await expect(waiting).rejects.toThrow(Stopping);
  await expect(places.take('b')).rejects.toThrow(Stopping);
});

test('places that are given back together go together to the first who waits', async () => {
  const places = createPlaces(3);
  await places.take('a', 3);
  const first = places.take('a', 25);
  for (let n = 0; n < 3; n++) places.give('a', 1);
  expect(await first).toBe(3);
});
