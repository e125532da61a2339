import { setImmediate as tick } from 'node:timers/promises';

/** How many turns the event loop took while something was done: one or two where it was held up. */
export async function ticksDuring<T>(
  work: () => Promise<T>,
): Promise<{ result: T; ticks: number }> {
  const state = { isDone: false };
  const working = work().finally(() => (state.isDone = true));
  let ticks = 0;
  for (; !state.isDone; ticks++) await tick();
  return { result: await working, ticks };
}
