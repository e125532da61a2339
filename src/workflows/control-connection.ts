import { continueAsNew } from '@temporalio/workflow';
import { GateKind, type GateChange } from '../domain/control.ts';
import { controlGate } from './control-gate.ts';

/** Stands for a connection as long as it exists: whoever wants it paused or resumed sends a signal here. */
export async function controlConnection({
  id,
  changes = [],
}: {
  id: string;
  changes?: GateChange[];
}): Promise<void> {
  const left = await controlGate({ kind: GateKind.Connection, id }, changes);
  if (left) await continueAsNew<typeof controlConnection>({ id, changes: left });
}
