import type { AttemptOutcome } from '../domain/outcome.ts';

/** What a process thinks of a destination. */
export type CircuitState = { open: boolean; failures: number; probeAtMs: number | null };

/** Keeps a process from sending to a destination that does not answer: after a while a single attempt tries it. */
export type Circuits = {
  record(destinationId: string, outcome: AttemptOutcome): void;
  state(destinationId: string): CircuitState;
  /** Whether one may send: always while closed, once in a while when open. Whoever gets a probe must end it. */
  enter(destinationId: string): 'closed' | 'probe' | 'open';
  endProbe(destinationId: string): void;
};

type Circuit = { failures: number; probeAtMs: number | null; waitMs: number; probing: boolean };

const OPENS_AFTER = 10;
const FIRST_WAIT_MS = 1_000;
const LONGEST_WAIT_MS = 4_000;
// What stands before a service answers these for it when it is down.
const DOWN = new Set([502, 503, 504]);

export function createCircuits({
  now = Date.now,
  onChange = () => {},
}: {
  now?: () => number;
  /** Hears when a circuit opens, closes, or gets a new time for its probe. */
  onChange?: (destinationId: string, state: CircuitState) => void;
} = {}): Circuits {
  const circuits = new Map<string, Circuit>();

  function stateOf(circuit: Circuit | undefined): CircuitState {
    if (!circuit) return { open: false, failures: 0, probeAtMs: null };
    const { failures, probeAtMs } = circuit;
    return { open: probeAtMs !== null, failures, probeAtMs };
  }

  function fail(destinationId: string): void {
    const circuit = circuits.get(destinationId) ?? {
      failures: 0,
      probeAtMs: null,
      waitMs: FIRST_WAIT_MS,
      probing: false,
    };
    circuits.set(destinationId, circuit);
    circuit.failures++;
    // Of many that fail together, only the first opens it; while open, only its probe counts.
    const due = circuit.probeAtMs === null ? circuit.failures >= OPENS_AFTER : circuit.probing;
    if (!due) return;
    if (circuit.probing) circuit.waitMs = Math.min(circuit.waitMs * 2, LONGEST_WAIT_MS);
    circuit.probing = false;
    circuit.probeAtMs = now() + circuit.waitMs;
    onChange(destinationId, stateOf(circuit));
  }

  function answer(destinationId: string): void {
    const circuit = circuits.get(destinationId);
    if (!circuit) return;
    circuits.delete(destinationId);
    if (circuit.probeAtMs !== null) onChange(destinationId, stateOf(undefined));
  }

  return {
    record(destinationId, outcome) {
      if (outcome.kind === 'refused') return;
      const { responseStatus: status } = outcome;
      if (status === null || DOWN.has(status)) fail(destinationId);
      else answer(destinationId);
    },
    state: (destinationId) => stateOf(circuits.get(destinationId)),
    enter(destinationId) {
      const circuit = circuits.get(destinationId);
      if (!circuit || circuit.probeAtMs === null) return 'closed';
      if (circuit.probing || now() < circuit.probeAtMs) return 'open';
      circuit.probing = true;
      return 'probe';
    },
    endProbe(destinationId) {
      const circuit = circuits.get(destinationId);
      if (circuit) circuit.probing = false;
    },
  };
}
