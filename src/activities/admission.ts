import { ParkReason } from '../domain/control.ts';
import { gatewayNow } from '../db/clock.ts';
import type { Circuits } from './circuit.ts';

/** Lets deliveries work on a destination: so many at once, and hardly any while it does not answer. */
export type Admission = {
  /** A place to work in, or null: then park, and call `turnedAway`. */
  enter(destinationId: string, options?: { most?: number }): Admitted | null;
  /** How many more may work on it in this process, as far as is known. */
  room(destinationId: string): number;
  /** Something has been parked for its turn; or it was, and may not be alone. */
  turnedAway(destinationId: string): void;
  /** A circuit changed: somebody who waits should try, now or when it is time. */
  circuitChanged(destinationId: string, probeAtMs: number | null): void;
  close(): void;
};
export type Admitted = { probe: boolean; leave(): void };

type Options = {
  circuits: Circuits;
  /** Wakes the first few that wait for their turn; returns how many there were. */
  wakeFirst: (order: { gateId: string; reason: ParkReason; limit: number }) => Promise<number>;
  onError: (error: unknown) => void;
  now?: () => number;
};

// Of the activities a worker can run, one destination takes no more than this many.
const MOST = 64;
// So many of a line work at once; each may take a hundred events along.
const FEW = 2;
const RETRY_MS = 1_000;

export function createAdmission({
  circuits,
  wakeFirst,
  onError,
  now = gatewayNow,
}: Options): Admission {
  const working = new Map<string, { count: number; most: number }>();
  // Who may have a line of waiting deliveries, with a number that says when it last grew.
  const lines = new Map<string, number>();
  const timers = new Map<string, NodeJS.Timeout>();

  function callLater(destinationId: string, ms: number): void {
    clearTimeout(timers.get(destinationId));
    const timer = setTimeout(() => {
      timers.delete(destinationId);
      call(destinationId, 1);
    }, ms);
    timer.unref();
    timers.set(destinationId, timer);
  }

  function call(destinationId: string, limit: number): void {
    if (!lines.has(destinationId) || limit <= 0) return;
    const { open, probeAtMs } = circuits.state(destinationId);
    if (open && probeAtMs !== null && probeAtMs > now()) {
      callLater(destinationId, probeAtMs - now());
      return;
    }
    const grown = lines.get(destinationId);
    const order = { gateId: destinationId, reason: ParkReason.Turn, limit: open ? 1 : limit };
    wakeFirst(order).then(
      (woken) => {
        if (woken === 0 && lines.get(destinationId) === grown) lines.delete(destinationId);
      },
      (error: unknown) => {
        onError(error);
        callLater(destinationId, RETRY_MS);
      },
    );
  }

  function leave(destinationId: string, most: number): void {
    const left = (working.get(destinationId)?.count ?? 1) - 1;
    if (left > 0) working.set(destinationId, { count: left, most });
    else working.delete(destinationId);
    // One leaves, one comes: a line that is long must not fall upon everybody else when it may move.
    call(destinationId, left < FEW ? FEW : 1);
  }

  return {
    enter(destinationId, { most = MOST } = {}) {
      const count = working.get(destinationId)?.count ?? 0;
      if (count >= most) return null;
      const entry = circuits.enter(destinationId);
      if (entry === 'open') return null;
      working.set(destinationId, { count: count + 1, most });
      const probe = entry === 'probe';
      return {
        probe,
        leave: () => {
          if (probe) circuits.endProbe(destinationId);
          leave(destinationId, most);
        },
      };
    },
    room(destinationId) {
      const { count, most } = working.get(destinationId) ?? { count: 0, most: MOST };
      return most - count;
    },
    turnedAway(destinationId) {
      lines.set(destinationId, (lines.get(destinationId) ?? 0) + 1);
      // Whoever had the place may have left before the row was there.
      if (!working.has(destinationId)) call(destinationId, 1);
    },
    circuitChanged(destinationId, probeAtMs) {
      if (probeAtMs === null) call(destinationId, FEW);
      else callLater(destinationId, Math.max(0, probeAtMs - now()));
    },
    close() {
      for (const timer of timers.values()) clearTimeout(timer);
    },
  };
}
