import { continueAsNew } from '@temporalio/workflow';
import { GateKind } from '../domain/control.ts';
import { controlGate, type GateWork } from './control-gate.ts';

/** Stands for a destination as long as it exists: whoever wants it paused, resumed or paced sends a signal here. */
export async function controlDestination({
  id,
  ...work
}: { id: string } & GateWork): Promise<void> {
  const left = await controlGate({ kind: GateKind.Destination, id }, work);
  if (left) await continueAsNew<typeof controlDestination>({ id, ...left });
}
