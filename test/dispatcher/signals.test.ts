import { expect, test } from 'vitest';
import { createSignals, type LaneKind } from '../../src/dispatcher/signals.ts';

const LONG_MS = 60_000;

/** Which lanes went on, in a turn of the event loop, of those that wait for work. */
async function wokenBy(wake: 'wake' | 'wakeForReclaimed'): Promise<LaneKind[]> {
  const signals = createSignals();
  const woken: LaneKind[] = [];
  const lanes = (['plain', 'code', 'suspect'] as const).map(async (lane) => {
    await signals.work(lane, LONG_MS);
    if (!signals.stopped()) woken.push(lane);
  });
  signals[wake]();
  await new Promise(setImmediate);
  signals.stop();
  await Promise.all(lanes);
  return woken;
}

test('new requests wake nobody who looks for what a process died of: that would be a query a request', async () => {
  expect(await wokenBy('wake')).toEqual(['plain', 'code']);
});

test('requests of a dispatcher that is gone wake all', async () => {
  expect(await wokenBy('wakeForReclaimed')).toEqual(['plain', 'code', 'suspect']);
});
