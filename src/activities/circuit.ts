import type { AttemptOutcome } from '../domain/outcome.ts';
import { gatewayNow } from '../db/clock.ts';

/** What a process thinks of a destination. */
export type CircuitState = { open: boolean; failures: number; probeAtMs: number | null };

/** Keeps a process from sending to a destination that does not answer: after a while a single attempt tries it. */
export type Circuits = {
  record(destinationId: string, outcome: AttemptOutcome): void;
  state(destinationId: string): CircuitState;
  /** Whether one may send: always while closed, once in a while when open. Whoever gets a probe must end it. */
  enter(destinationId: string): 'closed' | 'probe' | 'open';
  endProbe(destinationId: string): void;
  /** Notices holds that somebody has lifted: whoever waits in line asks nobody until they are over. */
  lookAgain(): void;
  /** Sends nothing until then, whatever comes of what is under way: the receiver asked for it. A single attempt tries it then. */
  hold(destinationId: string, untilMs: number): void;
  heldUntilMs(destinationId: string): number | null;
};

type Circuit = {
  failures: number;
  probeAtMs: number | null;
  waitMs: number;
  probing: boolean;
  heldUntilMs: number | null;
  /** Whether the row of the destination says so, too: then it also says when that is over early. */
  isKept: boolean;
};

const OPENS_AFTER = 10;
const FIRST_WAIT_MS = 1_000;
const LONGEST_WAIT_MS = 4_000;
// The clocks of two processes, and of the database, differ a little.
const SAME_MS = 1_000;
// What stands before a service answers these for it when it is down.
const DOWN = new Set([502, 503, 504]);

export function createCircuits({
  now = gatewayNow,
  keptUntilMs = () => null,
  onChange = () => {},
}: {
  now?: () => number;
  /** Until when a destination is held as its row says, whichever process heard of it. */
  keptUntilMs?: (destinationId: string) => number | null;
  /** Hears when a circuit opens, closes, or gets a new time for its probe. */
  onChange?: (destinationId: string, state: CircuitState) => void;
} = {}): Circuits {
  const circuits = new Map<string, Circuit>();

  function stateOf(circuit: Circuit | undefined): CircuitState {
    if (!circuit) return { open: false, failures: 0, probeAtMs: null };
    const { failures, probeAtMs } = circuit;
    return { open: probeAtMs !== null, failures, probeAtMs };
  }

  function circuitOf(destinationId: string): Circuit {
    const circuit = circuits.get(destinationId) ?? {
      failures: 0,
      probeAtMs: null,
      waitMs: FIRST_WAIT_MS,
      probing: false,
      heldUntilMs: null,
      isKept: false,
    };
    circuits.set(destinationId, circuit);
    return circuit;
  }

  function hold(destinationId: string, untilMs: number): void {
    const circuit = circuitOf(destinationId);
    circuit.probing = false;
    circuit.heldUntilMs = Math.max(circuit.heldUntilMs ?? 0, untilMs);
    circuit.probeAtMs = Math.max(circuit.probeAtMs ?? 0, circuit.heldUntilMs);
    onChange(destinationId, stateOf(circuit));
  }

  function isHeld(circuit: Circuit): boolean {
    return circuit.heldUntilMs !== null && circuit.heldUntilMs > now();
  }

  /** The circuit, with what the row says of it by now. */
  function look(destinationId: string): Circuit | undefined {
    const keptMs = keptUntilMs(destinationId);
    const circuit = circuits.get(destinationId);
    if (keptMs !== null && keptMs > now() && keptMs > (circuit?.heldUntilMs ?? 0) + SAME_MS) {
      hold(destinationId, keptMs);
    }
    const current = circuits.get(destinationId);
    if (current === undefined) return undefined;
    if (keptMs !== null) current.isKept = true;
    else if (current.isKept && isHeld(current)) {
      close(destinationId);
      return undefined;
    }
    return current;
  }

  function close(destinationId: string): void {
    circuits.delete(destinationId);
    onChange(destinationId, stateOf(undefined));
  }

  function fail(destinationId: string): void {
    const circuit = circuitOf(destinationId);
    circuit.failures++;
    // Of many that fail together, only the first opens it; while open, only its probe counts.
    const due = circuit.probeAtMs === null ? circuit.failures >= OPENS_AFTER : circuit.probing;
    if (!due) return;
    if (circuit.probing) circuit.waitMs = Math.min(circuit.waitMs * 2, LONGEST_WAIT_MS);
    circuit.probing = false;
    circuit.probeAtMs = Math.max(now() + circuit.waitMs, circuit.heldUntilMs ?? 0);
    onChange(destinationId, stateOf(circuit));
  }

  function answer(destinationId: string): void {
    const circuit = circuits.get(destinationId);
    // What was on its way when it asked for a pause says nothing of that.
    if (!circuit || isHeld(circuit)) return;
    if (circuit.probeAtMs !== null) close(destinationId);
    else circuits.delete(destinationId);
  }

  return {
    record(destinationId, outcome) {
      if (outcome.kind === 'refused') return;
      const { responseStatus: status } = outcome;
      if (status === null || DOWN.has(status)) fail(destinationId);
      else answer(destinationId);
    },
    hold,
    heldUntilMs(destinationId) {
      const circuit = circuits.get(destinationId);
      return circuit && isHeld(circuit) ? circuit.heldUntilMs : null;
    },
    state: (destinationId) => stateOf(look(destinationId)),
    enter(destinationId) {
      const circuit = look(destinationId);
      if (!circuit || circuit.probeAtMs === null) return 'closed';
      if (circuit.probing || now() < circuit.probeAtMs) return 'open';
      circuit.probing = true;
      return 'probe';
    },
    endProbe(destinationId) {
      const circuit = circuits.get(destinationId);
      if (circuit) circuit.probing = false;
    },
    lookAgain() {
      for (const destinationId of [...circuits.keys()]) look(destinationId);
    },
  };
}
