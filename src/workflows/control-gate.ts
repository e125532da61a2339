import {
  allHandlersFinished,
  condition,
  patched,
  setHandler,
  workflowInfo,
} from '@temporalio/workflow';
import {
  ParkReason,
  pauseOf,
  type Gate,
  type GateChange,
  type GateState,
} from '../domain/control.ts';
import { applying, counting } from './activities.ts';
import { count, pause, resume, setDeliveryPolicy, state, unpause } from './signals.ts';
import { tendWaiters, type Tending } from './tend-waiters.ts';
import { rememberUnknownSignals } from './unknown-signals.ts';

/** What a run leaves to the next: changes that have not been applied, and what is to be done with those who wait. */
export type GateWork = { changes?: GateChange[]; tending?: Tending[] };

/**
 * Applies what signals ask of a gate, one change after the other, and wakes what waits at it when it opens.
 * Returns when its history has grown long, with what is left to do; null when there is nothing to control.
 */
export async function controlGate(
  gate: Gate,
  { changes = [], tending = [] }: GateWork,
): Promise<GateWork | null> {
  const waiting = [...changes];
  let known: GateState | null = null;
  setHandler(pause, (input) => void waiting.push(pauseOf(input)));
  for (const opens of [resume, unpause]) {
    setHandler(opens, () => void waiting.push({ kind: 'resume' }));
  }
  setHandler(setDeliveryPolicy, (policy) => {
    waiting.push(
      policy === undefined ? { kind: 'setDeliveryPolicy' } : { kind: 'setDeliveryPolicy', policy },
    );
  });
  const unknownSignals = rememberUnknownSignals([pause, resume, unpause, setDeliveryPolicy]);
  setHandler(state, () => ({
    ...(known ?? UNKNOWN),
    pendingChanges: waiting.length,
    unknownSignals,
    held: `A query cannot count. Run the update "count", or read held_count in GET /${gate.kind}s/${gate.id}`,
  }));
  setHandler(count, () => counting(`How many events ${gate.id} holds`).countHeld({ gate }));

  known = await applying(`What ${gate.id} is like`).applyControl({ gate, change: null });
  const waiters = tendWaiters(gate.id);
  for (const what of tending) waiters.tend(what);
  let ending = false;
  while (!known.gone) {
    await condition(() => waiting.length > 0 || (ending && waiters.isDone()));
    if (ending && waiters.isDone()) break;
    const change = waiting.shift()!;
    const step = applying(`${WORDS[change.kind]} ${gate.id}`);
    const {
      handsOver,
      waiters: areWaiting,
      ...changed
    } = await step.applyControl({ gate, change });
    known = changed;
    const next = toTend(known, { change, areWaiting: areWaiting === true });
    if (next) waiters.tend(next, { replaces: handsOver === true });
    ending ||= workflowInfo().continueAsNewSuggested;
    // What waits may be woken for hours: the next run goes on with it. Runs of old waited for its end.
    if (ending && handsOver) {
      await condition(allHandlersFinished);
      return { changes: waiting, tending: waiters.left() };
    }
    if (ending && (waiters.isDone() || !patched('apply-while-waking'))) break;
  }
  await waiters.done();
  await condition(allHandlersFinished);
  return known.gone ? null : { changes: waiting };
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

/** What a change means for those who wait at the gate. */
function toTend(
  { paused, gone, refused }: GateState,
  { change, areWaiting }: { change: GateChange; areWaiting: boolean },
): Tending | null {
  if (gone) return { wake: [ParkReason.Paused, ParkReason.Turn, ParkReason.Pace] };
  if (change.kind === 'pause') return areWaiting ? { hold: true } : null;
  if (paused || refused !== null) return null;
  return {
    wake: change.kind === 'resume' ? [ParkReason.Paused] : [ParkReason.Pace, ParkReason.Turn],
  };
}
