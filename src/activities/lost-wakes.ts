import { ParkReason } from '../domain/control.ts';
import { resetWakesOfTheDead } from '../db/parked.ts';
import type { Admission } from './admission.ts';
import { wakeFirst, type WakeDependencies } from './pump.ts';

/**
 * Wakes again what a process had taken to be woken that is gone: it may have ended before Temporal heard of it.
 * What fails is tried again at the next call.
 */
export function createWakeAgain(
  deps: WakeDependencies & { admission: Pick<Admission, 'turnedAway'> },
): () => Promise<void> {
  const unwoken: Awaited<ReturnType<typeof resetWakesOfTheDead>> = [];
  return async function wakeAgain(): Promise<void> {
    unwoken.push(...(await resetWakesOfTheDead(deps.db)));
    for (let line = unwoken[0]; line; line = unwoken[0]) {
      const { gateId, reason, workflows: limit } = line;
      // A line for turns moves at its own pace, and asks its circuit.
      if (reason === ParkReason.Turn) deps.admission.turnedAway(gateId);
      else await wakeFirst(deps, { gateId, reason, limit });
      unwoken.shift();
    }
  };
}
