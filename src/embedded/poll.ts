import { setTimeout as sleep } from 'node:timers/promises';

/** Asks again and again until the answer is not undefined, or the time is up (then undefined). */
export async function poll<T>(
  ask: () => Promise<T | undefined> | T | undefined,
  { timeoutMs, everyMs = 50 }: { timeoutMs: number; everyMs?: number },
): Promise<T | undefined> {
  const deadline = Date.now() + timeoutMs;
  for (;;) {
    const answer = await ask();
    if (answer !== undefined) return answer;
    if (Date.now() >= deadline) return undefined;
    await sleep(everyMs);
  }
}
