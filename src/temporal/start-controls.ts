import type { Gate } from '../domain/control.ts';
import { markControlled } from '../db/gates.ts';
import type { Db } from '../db/pool.ts';
import type { Workflows } from './workflows.ts';

/** Starts the control workflows of these gates, and notes that they have one. */
export async function startControls(
  { db, workflows }: { db: Db; workflows: Pick<Workflows, 'startControl'> },
  gates: Gate[],
): Promise<void> {
  await Promise.all(gates.map((gate) => workflows.startControl(gate)));
  await markControlled(db, gates);
}
