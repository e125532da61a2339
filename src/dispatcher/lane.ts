import { setTimeout as sleep } from 'node:timers/promises';
import type { DispatcherSession } from '../db/outbox-session.ts';
import type { Signals } from './signals.ts';

/** What all lanes of a dispatcher share. */
export type LaneContext = { session: DispatcherSession; signals: Signals };

export const IDLE_LOOK_MS = 1_000;
// A dispatch costs some 20 ms of CPU, whatever it carries: where several come at a time, more of them go together.
export const GATHER_MS = 80;

export async function untilSince(beganAt: number, ms: number): Promise<void> {
  const leftMs = beganAt + ms - performance.now();
  if (leftMs > 0) await sleep(leftMs);
}
