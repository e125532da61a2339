import { setTimeout as sleep } from 'node:timers/promises';

/**
 * How much may be begun. All there is, as long as requests are acknowledged at once; while they are not, so much a
 * second that the processors and the database are there for them.
 */
export type Credits = {
  /** Waits until some may begin; returns how many, `most` at most. What waits goes in order. */
  take(most: number): Promise<number>;
  /** Some that were taken are not begun. */
  give(unused: number): void;
  /** Acknowledgements are slow now. Unless that is said again, it is over in a moment. */
  press(): void;
  /** How many may begin a second now; Infinity where nothing is held back. */
  perSecond(): number;
  /** From now on nothing is held back: whatever ends must not wait. */
  close(): void;
};

// Never nothing. And what lasts is no spike: a slow disk is no reason to deliver slowly for ever. The floor rises, twice
// as high every five seconds, and after some 40 nothing is held back until acknowledgements were quick for a while.
const FLOOR_PER_SECOND = 50;
const FLOOR_DOUBLED_EVERY_MS = 5_000;
const OVER_AFTER_MS = 10_000;
// What is under way has to come to its end before less work shows in the acknowledgements.
const CUT_EVERY_MS = 200;
// As long after acknowledgements were slow it stays as it is; then it grows, from the floor to everything in 1.5 s.
const HOLD_MS = 300;
const DOUBLED_EVERY_MS = 200;
const ENOUGH_PER_SECOND = 10_000;
// What begins together costs less: so long it gathers.
const GATHER_S = 0.25;
const FLOW_OVER_MS = 500;

export function createCredits({
  now = () => performance.now(),
  wait = (ms) => sleep(ms),
}: { now?: () => number; wait?: (ms: number) => Promise<unknown> } = {}): Credits {
  const flow = createFlow(now);
  let base = Infinity;
  let cutAtMs = -Infinity;
  let pressedAtMs = -Infinity;
  let pressedSinceMs = 0;
  let stock = 0;
  let stockedAtMs = 0;
  let line: Promise<unknown> | null = null;
  let closed = false;

  function perSecond(): number {
    if (closed || base === Infinity) return Infinity;
    const calmMs = Math.max(0, now() - pressedAtMs - HOLD_MS);
    const grown = base * 2 ** (calmMs / DOUBLED_EVERY_MS);
    return grown < ENOUGH_PER_SECOND ? grown : (base = Infinity);
  }

  function restock(rate: number): void {
    const sinceS = Math.min(GATHER_S, (now() - stockedAtMs) / 1_000);
    stock = Math.min(stock + rate * sinceS, Math.max(1, rate * GATHER_S));
    stockedAtMs = now();
  }

  async function takeInTurn(most: number): Promise<number> {
    for (;;) {
      const rate = perSecond();
      if (rate === Infinity) return most;
      restock(rate);
      const together = Math.max(1, Math.floor(Math.min(most, rate * GATHER_S)));
      if (stock >= together) {
        const count = Math.min(most, Math.floor(stock));
        stock -= count;
        return count;
      }
      await wait(Math.ceil(((together - stock) / rate) * 1_000));
    }
  }

  return {
    async take(most) {
      let count = most;
      if (line !== null || perSecond() !== Infinity) {
        const turn = (line ?? Promise.resolve()).then(() => takeInTurn(most));
        line = turn;
        count = await turn;
        if (line === turn) line = null;
      }
      flow.add(count);
      return count;
    },
    give(unused) {
      stock += unused;
      flow.add(-unused);
    },
    press() {
      const rate = perSecond();
      if (now() - pressedAtMs > OVER_AFTER_MS) pressedSinceMs = now();
      pressedAtMs = now();
      if (now() - cutAtMs < CUT_EVERY_MS) return;
      cutAtMs = now();
      if (rate === Infinity) [stock, stockedAtMs] = [0, now()];
      const floor = FLOOR_PER_SECOND * 2 ** ((now() - pressedSinceMs) / FLOOR_DOUBLED_EVERY_MS);
      const cut = Math.max(floor, Math.min(rate, flow.perSecond()) / 2);
      base = cut < ENOUGH_PER_SECOND ? cut : Infinity;
    },
    perSecond,
    close: () => void (closed = true),
  };
}

/** What went through lately, a second. */
function createFlow(now: () => number) {
  let perMs = 0;
  let atMs = now();
  return {
    add(count: number): void {
      const fading = Math.exp(-(now() - atMs) / FLOW_OVER_MS);
      perMs = perMs * fading + count / FLOW_OVER_MS;
      atMs = now();
    },
    perSecond: () => perMs * Math.exp(-(now() - atMs) / FLOW_OVER_MS) * 1_000,
  };
}
