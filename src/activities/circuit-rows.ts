import { forgetCircuits, saveCircuit } from '../db/circuits.ts';
import type { Database } from '../db/pool.ts';
import type { CircuitState } from './circuit.ts';

/** Writes circuits where the API reads them: in order, the newest state of each, nothing waits for it. */
export function recordCircuits({
  db,
  worker,
  onError,
}: {
  db: Database;
  worker: string;
  onError: (error: unknown) => void;
}): { write(destinationId: string, state: CircuitState): void; close(): Promise<void> } {
  const states = new Map<string, CircuitState>();
  let writing: Promise<void> = forgetCircuits(db, worker).catch(onError);

  async function writeOne(destinationId: string): Promise<void> {
    const state = states.get(destinationId);
    if (!state) return;
    states.delete(destinationId);
    await saveCircuit(db, { worker, circuit: { destinationId, ...state } }).catch(onError);
  }

  return {
    write(destinationId, state) {
      states.set(destinationId, state);
      writing = writing.then(() => writeOne(destinationId));
    },
    async close() {
      await writing;
      await forgetCircuits(db, worker).catch(onError);
    },
  };
}
