import { continueAsNew } from '@temporalio/workflow';
import { GateKind } from '../domain/control.ts';
import { controlGate, type GateWork } from './control-gate.ts';

/** Stands for a connection as long as it exists: whoever wants it paused or resumed sends a signal here. */
export async function controlConnection({ id, ...work }: { id: string } & GateWork): Promise<void> {
  const left = await controlGate({ kind: GateKind.Connection, id }, work);
  if (left) await continueAsNew<typeof controlConnection>({ id, ...left });
}
