import { setTimeout as sleep } from 'node:timers/promises';

/** Polls until `read` gives something truthy, and returns it; fails with `what` after `withinMs`. */
export async function until<Value>(
  what: string,
  read: () => Promise<Value> | Value,
  { withinMs = 15_000, everyMs = 20 }: { withinMs?: number; everyMs?: number } = {},
): Promise<NonNullable<Value>> {
  const deadline = Date.now() + withinMs;
  for (;;) {
    const value = await read();
    if (value) return value;
    if (Date.now() > deadline) throw new Error(`Not within ${withinMs} ms: ${what}`);
    await sleep(everyMs);
  }
}
