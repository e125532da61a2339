import { expect, test } from 'vitest';
import { createBatcher } from '../../src/db/batcher.ts';

/** A batcher whose work is to remember its batches. */
function recording(options: { maxItems: number; gatherMs?: number; enough?: number }) {
  const batches: number[][] = [];
  const batcher = createBatcher<number, number>({
    ...options,
    run(items) {
      batches.push(items);
      return Promise.resolve(items);
    },
  });
  return { batcher, batches };
}

test('what gathers while a batch is under way goes together in the next one', async () => {
  const batches: number[][] = [];
  const gate = Promise.withResolvers<void>();
  const batcher = createBatcher<number, number>({
    maxItems: 10,
    async run(items) {
      batches.push(items);
      if (batches.length === 1) await gate.promise;
      return items.map((n) => n * 2);
    },
  });
  const first = batcher.add(1);
  await new Promise(setImmediate);
  const rest = [2, 3, 4].map((n) => batcher.add(n));
  gate.resolve();
  expect(await first).toBe(2);
  expect(await Promise.all(rest)).toEqual([4, 6, 8]);
  expect(batches).toEqual([[1], [2, 3, 4]]);
});

test('a batcher that gathers takes what comes alone at once, and what comes soon after it together', async () => {
  const { batcher, batches } = recording({ maxItems: 3, gatherMs: 40 });
  const beganAt = performance.now();
  await batcher.add(1);
  const rest = batcher.add(2);
  await new Promise(setImmediate);
  await Promise.all([rest, batcher.add(3)]);
  expect(performance.now() - beganAt).toBeGreaterThanOrEqual(39);
  expect(batches).toEqual([[1], [2, 3]]);
});

test('a batch that is full waits for nothing, also while it gathers', async () => {
  const { batcher, batches } = recording({ maxItems: 3, gatherMs: 3_600_000 });
  await batcher.add(1);
  const second = batcher.add(2);
  await new Promise(setImmediate);
  // Or else this would wait for an hour.
  await Promise.all([second, batcher.add(3), batcher.add(4)]);
  expect(batches).toEqual([[1], [2, 3, 4]]);
});

test('one that gathers waits no longer where there is enough', async () => {
  const { batcher, batches } = recording({ maxItems: 100, enough: 2, gatherMs: 3_600_000 });
  await batcher.add(1);
  const second = batcher.add(2);
  await new Promise(setImmediate);
  // Or else this would wait for an hour.
  await Promise.all([second, batcher.add(3)]);
  expect(batches).toEqual([[1], [2, 3]]);
});

test('an item that poisons its batch fails alone', async () => {
  const batcher = createBatcher<number, number>({
    maxItems: 10,
    isItemFault: () => true,
    run: (items) =>
      items.includes(3) ? Promise.reject(new Error('poison')) : Promise.resolve(items),
  });
  const results = await Promise.allSettled([1, 2, 3, 4].map((n) => batcher.add(n)));
  expect(results.map((result) => result.status)).toEqual([
    'fulfilled',
    'fulfilled',
    'rejected',
    'fulfilled',
  ]);
});

test('more bytes than may wait are refused at once, and what waits still goes through', async () => {
  const batcher = createBatcher<string, string>({
    maxItems: 1,
    maxWaitingBytes: 10,
    bytesOf: (item) => item.length,
    run: (items) => Promise.resolve(items),
  });
  const results = await Promise.allSettled(
    ['12345', '12345', '1'].map((item) => batcher.add(item)),
  );
  expect(results.map((result) => result.status)).toEqual(['fulfilled', 'fulfilled', 'rejected']);
  expect(await batcher.add('again')).toBe('again');
});

test('what waits behind a batch that never comes back is refused when it is too old', async () => {
  const never = Promise.withResolvers<number[]>();
  const batcher = createBatcher<number, number>({
    maxItems: 1,
    maxAgeMs: 50,
    run: () => never.promise,
  });
  const first = batcher.add(1);
  await new Promise(setImmediate);
  await expect(batcher.add(2)).rejects.toThrow('Waited too long');
  never.resolve([1]);
  expect(await first).toBe(1);
});
