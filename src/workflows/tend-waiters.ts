import type { ParkReason } from '../domain/control.ts';
import { pumping } from './activities.ts';

/** What is done with those who wait at a gate: woken, for these reasons, or held. */
export type Tending = { wake: ParkReason[] } | { hold: true };

/** Does one thing after the other with those who wait at a gate; nobody has to wait for it. */
export type Waiters = {
  /** `replaces`: what has been asked for before and has not begun is not done any more where this undoes or includes it. */
  tend(what: Tending, options?: { replaces: boolean }): void;
  isDone(): boolean;
  done(): Promise<unknown>;
  /** What is under way or has not begun. */
  left(): Tending[];
};

export function tendWaiters(gateId: string): Waiters {
  let queue: Tending[] = [];
  let current: Tending | null = null;
  let running: Promise<unknown> = Promise.resolve();

  function begin(what: Tending): Promise<unknown> | undefined {
    if (!queue.includes(what)) return undefined;
    queue = queue.filter((queued) => queued !== what);
    current = what;
    return 'wake' in what
      ? pumping(`Wake what waits at ${gateId}`).pumpParked({ gateId, reasons: what.wake })
      : pumping(`Hold what waits behind ${gateId}`).holdWaiting({ gateId });
  }

  return {
    tend(what, { replaces } = { replaces: false }) {
      if (replaces) queue = queue.filter((queued) => !isReplacedBy(queued, what));
      queue.push(what);
      running = running.then(() => begin(what)).finally(() => (current = null));
    },
    isDone: () => current === null && queue.length === 0,
    done: () => running,
    left: () => [...(current ? [current] : []), ...queue],
  };
}

/** Whether `what` undoes or includes it. */
function isReplacedBy(queued: Tending, what: Tending): boolean {
  if ('hold' in queued) return 'hold' in what || what.wake.includes('paused');
  return 'wake' in what
    ? queued.wake.every((reason) => what.wake.includes(reason))
    : queued.wake.every((reason) => reason === 'paused');
}
