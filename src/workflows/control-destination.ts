import { continueAsNew } from '@temporalio/workflow';
import { GateKind, type GateChange } from '../domain/control.ts';
import { controlGate } from './control-gate.ts';

/** Stands for a destination as long as it exists: whoever wants it paused, resumed or paced sends a signal here. */
export async function controlDestination({
  id,
  changes = [],
}: {
  id: string;
  changes?: GateChange[];
}): Promise<void> {
  const left = await controlGate({ kind: GateKind.Destination, id }, changes);
  if (left) await continueAsNew<typeof controlDestination>({ id, changes: left });
}
