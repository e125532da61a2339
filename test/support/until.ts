import { setTimeout as sleep } from 'node:timers/promises';

// What is to happen at last may take long where the machine has much else to do. A shorter limit holds only in files that
// run alone (vitest.config.ts says so): there a promise may name a time.
const AT_LAST_MS = 90_000;
const LEAST_MS = process.env['SLUICE_TESTS_ALONE'] ? 0 : AT_LAST_MS;
// A process that stood still for a while has not looked often enough to know; what takes a second looks fifty times.
const FEWEST_LOOKS = 50;

/** Polls until `read` gives something truthy, and returns it; fails with `what` after `withinMs`. */
export async function until<Value>(
  what: string,
  read: () => Promise<Value> | Value,
  { withinMs = AT_LAST_MS, everyMs = 20 }: { withinMs?: number; everyMs?: number } = {},
): Promise<NonNullable<Value>> {
  const limitMs = Math.max(LEAST_MS, withinMs);
  const deadline = Date.now() + limitMs;
  const fewest = Math.min(FEWEST_LOOKS, limitMs / everyMs);
  for (let looks = 1; ; looks++) {
    const value = await read();
    if (value) return value;
    if (Date.now() > deadline && looks >= fewest) {
      throw new Error(`Not within ${limitMs} ms: ${what}`);
    }
    await sleep(everyMs);
  }
}
