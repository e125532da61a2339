import { condition, patched, setHandler, workflowInfo } from '@temporalio/workflow';
import {
  ParkReason,
  pauseOf,
  type Gate,
  type GateChange,
  type GateState,
} from '../domain/control.ts';
import { applying, pumping } from './activities.ts';
import { pause, resume, setDeliveryPolicy, state } from './signals.ts';

/**
 * Applies what signals ask of a gate, one change after the other, and wakes what waits at it when it opens.
 * Returns when its history has grown long, with what has not been applied; null when there is nothing to control.
 */
export async function controlGate(gate: Gate, changes: GateChange[]): Promise<GateChange[] | null> {
  const waiting = [...changes];
  let known: GateState | null = null;
  let pumped: Promise<unknown> = Promise.resolve();
  setHandler(pause, (input) => void waiting.push(pauseOf(input)));
  setHandler(resume, () => void waiting.push({ kind: 'resume' }));
  setHandler(setDeliveryPolicy, (policy) => {
    waiting.push(
      policy === undefined ? { kind: 'setDeliveryPolicy' } : { kind: 'setDeliveryPolicy', policy },
    );
  });
  setHandler(state, () => ({ ...(known ?? UNKNOWN), pending: waiting.length }));

  known = await applying(`What ${gate.id} is like`).applyControl({ gate, change: null });
  let pumps = 0;
  let ending = false;
  while (!known.gone) {
    await condition(() => waiting.length > 0 || (ending && pumps === 0));
    if (ending && pumps === 0) break;
    const change = waiting.shift()!;
    known = await applying(`${WORDS[change.kind]} ${gate.id}`).applyControl({ gate, change });
    const reasons = reasonsToWake(known, change);
    if (reasons.length > 0) {
      pumps++;
      // Not awaited: a gate that is shut again stops its own pump.
      pumped = pumped
        .then(() =>
          pumping(`Wake what waits at ${gate.id}`).pumpParked({ gateId: gate.id, reasons }),
        )
        .finally(() => pumps--);
    }
    // A pump may take hours: what is asked for meanwhile is applied, and then the next run begins. Runs of old waited.
    ending ||= workflowInfo().continueAsNewSuggested;
    if (ending && (pumps === 0 || !patched('apply-while-waking'))) break;
  }
  await pumped;
  return known.gone ? null : waiting;
}

const WORDS: Record<GateChange['kind'], string> = {
  pause: 'Pause',
  resume: 'Resume',
  setDeliveryPolicy: 'Set the delivery policy of',
};

const UNKNOWN: GateState = {
  paused: false,
  pausedAt: null,
  reason: null,
  epoch: 0,
  gone: false,
  refused: null,
};

function reasonsToWake({ paused, gone, refused }: GateState, change: GateChange): ParkReason[] {
  if (gone) return [ParkReason.Paused, ParkReason.Turn, ParkReason.Pace];
  if (paused || refused !== null || change.kind === 'pause') return [];
  return change.kind === 'resume' ? [ParkReason.Paused] : [ParkReason.Pace, ParkReason.Turn];
}
