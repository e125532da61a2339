import { beforeAll, describe, expect, test } from 'vitest';
import type { ChangedGate, Gate, GateChange } from '../../src/domain/control.ts';
import { workflowRunner, type TimedSignal } from '../support/workflow.ts';

let run: Awaited<ReturnType<typeof workflowRunner>>;

beforeAll(async () => {
  run = await workflowRunner();
});

/** A gate that lives in memory; `gone` from the n-th change on. `told`: what else its changes say. */
function gate(goneAfter = Infinity, told: Partial<ChangedGate> = {}) {
  const changes: GateChange[] = [];
  let paused = false;
  return {
    changes,
    applyControl({ change }: { gate: Gate; change: GateChange | null }): ChangedGate {
      if (change) changes.push(change);
      if (change && change.kind !== 'setDeliveryPolicy') paused = change.kind === 'pause';
      const gone = changes.length >= goneAfter;
      const state = { paused, pausedAt: null, reason: null, refused: null };
      return { ...state, epoch: changes.length, gone, ...(change ? told : {}) };
    },
  };
}

async function control(
  signals: TimedSignal[],
  {
    row = gate(),
    input = {},
    pumped = () => {},
    ...options
  }: { row?: ReturnType<typeof gate>; input?: object; pumped?: () => unknown } & {
    continueAsNewSuggestedFromMs?: number;
  } = {},
) {
  const pumps: unknown[] = [];
  const holds: unknown[] = [];
  const ended = await run(
    'controlDestination',
    { id: 'des_1', ...input },
    {
      signals,
      activities: {
        applyControl: row.applyControl,
        pumpParked: async (order: unknown) => {
          pumps.push(order);
          await pumped();
          return 0;
        },
        holdWaiting: (order: unknown) => void holds.push(order),
      },
      ...options,
    },
  );
  return { ...ended, pumps, holds, changes: row.changes };
}

describe('a control workflow', () => {
  test('applies changes in the order in which their signals came', async () => {
    const { changes } = await control([
      { atMs: 1, name: 'pause', input: { reason: 'maintenance' } },
      { atMs: 2, name: 'resume' },
      { atMs: 3, name: 'pause', input: 'again' },
      { atMs: 4, name: 'pause' },
    ]);
    expect(changes).toEqual([
      { kind: 'pause', reason: 'maintenance' },
      { kind: 'resume' },
      { kind: 'pause', reason: 'again' },
      { kind: 'pause' },
    ]);
  });

  test('wakes what waits when the gate opens, and only then', async () => {
    const { pumps } = await control([
      { atMs: 1, name: 'pause' },
      { atMs: 2, name: 'resume' },
    ]);
    expect(pumps).toEqual([{ gateId: 'des_1', reasons: ['paused'] }]);
  });

  test('holds what waits for its turn or its pace when the gate shuts, where anything does', async () => {
    const pause = [{ atMs: 1, name: 'pause' }];
    const { holds, pumps } = await control(pause, { row: gate(Infinity, { waiters: true }) });
    expect(holds).toEqual([{ gateId: 'des_1' }]);
    expect(pumps).toEqual([]);
    expect((await control(pause)).holds).toEqual([]);
  });

  test('lets those that wait for their pace ask again when the policy changed', async () => {
    const { pumps, changes } = await control([{ atMs: 1, name: 'setDeliveryPolicy' }]);
    expect(changes).toEqual([{ kind: 'setDeliveryPolicy' }]);
    expect(pumps).toEqual([{ gateId: 'des_1', reasons: ['pace', 'turn'] }]);
  });

  test('tells what the gate is like', async () => {
    const { query, end } = await control([{ atMs: 1, name: 'pause' }]);
    expect(end).toBe('waiting');
    expect(await query('state')).toMatchObject({
      paused: true,
      epoch: 1,
      pendingChanges: 0,
      held: expect.stringContaining('GET /destinations/des_1'),
    });
  });

  test('takes unpause for resume, which is what the API calls it', async () => {
    const { changes } = await control([
      { atMs: 1, name: 'pause' },
      { atMs: 2, name: 'unpause' },
    ]);
    expect(changes).toEqual([{ kind: 'pause' }, { kind: 'resume' }]);
  });

  test('warns of signals it does not know, remembers the latest ten, and applies those it knows', async () => {
    const unknown = Array.from({ length: 11 }, (_, i) => `pausse${i}`);
    const signals = [...unknown, 'pause'].map((name, i) => ({ atMs: i + 1, name }));
    const { query, changes, warnings } = await control(signals);
    expect(changes).toEqual([{ kind: 'pause' }]);
    expect(await query('state')).toMatchObject({ paused: true, unknownSignals: unknown.slice(1) });
    expect(warnings).toHaveLength(11);
    expect(warnings[0]).toBe(
      'The signal pausse0 is unknown here and changes nothing. Known signals: pause, resume, unpause, setDeliveryPolicy',
    );
  });

  test('goes on in a new run when its history grows long', async () => {
    const { end, continuedWith } = await control([{ atMs: 1, name: 'pause' }], {
      continueAsNewSuggestedFromMs: 0,
    });
    expect(end).toBe('continued');
    expect(continuedWith).toEqual([{ id: 'des_1', changes: [] }]);
  });

  test('applies what is asked for while it still wakes what waits, also when its history has grown long', async () => {
    const row = gate();
    const shut = Promise.withResolvers<void>();
    const applyControl = (order: { gate: Gate; change: GateChange | null }) => {
      if (order.change?.kind === 'pause') shut.resolve();
      return row.applyControl(order);
    };
    const { end, continuedWith, changes } = await control([], {
      row: { ...row, applyControl },
      input: { changes: [{ kind: 'resume' }, { kind: 'pause' }] },
      pumped: () => shut.promise,
      continueAsNewSuggestedFromMs: 0,
    });
    expect(changes).toEqual([{ kind: 'resume' }, { kind: 'pause' }]);
    expect({ end, continuedWith }).toEqual({
      end: 'continued',
      continuedWith: [{ id: 'des_1', changes: [] }],
    });
  });

  test('leaves what it wakes to the next run when its history grows long, and does not wait for its end', async () => {
    const shut = Promise.withResolvers<void>();
    const { end, continuedWith } = await control([], {
      row: gate(Infinity, { handsOver: true }),
      input: { changes: [{ kind: 'resume' }, { kind: 'pause' }] },
      pumped: () => shut.promise,
      continueAsNewSuggestedFromMs: 0,
    });
    shut.resolve();
    expect({ end, continuedWith }).toEqual({
      end: 'continued',
      continuedWith: [
        { id: 'des_1', changes: [{ kind: 'pause' }], tending: [{ wake: ['paused'] }] },
      ],
    });
  });

  test('goes on with what its former run had begun', async () => {
    const tending = [{ wake: ['paused'] }, { hold: true }];
    const { pumps, holds } = await control([], { input: { tending } });
    expect(pumps).toEqual([{ gateId: 'des_1', reasons: ['paused'] }]);
    expect(holds).toEqual([{ gateId: 'des_1' }]);
  });

  test('does of many changes that come while it is busy only what the last of them asks for', async () => {
    const first = Promise.withResolvers<void>();
    const row = gate(Infinity, { handsOver: true, waiters: true });
    const applyControl = (order: { gate: Gate; change: GateChange | null }) => {
      const state = row.applyControl(order);
      if (state.epoch === 9) first.resolve();
      return state;
    };
    const resume = { kind: 'resume' };
    const changes = Array.from({ length: 9 }, (_, i) => (i % 2 ? { kind: 'pause' } : resume));
    const { pumps, holds } = await control([], {
      row: { ...row, applyControl },
      input: { changes },
      pumped: () => first.promise,
    });
    expect(pumps).toHaveLength(2);
    expect(holds).toEqual([]);
  });

  test('begins with what its former run had not applied', async () => {
    const { changes } = await control([], { input: { changes: [{ kind: 'resume' }] } });
    expect(changes).toEqual([{ kind: 'resume' }]);
  });

  test('ends when what it controls is gone, and lets nothing wait there', async () => {
    const { end, pumps } = await control([{ atMs: 1, name: 'resume' }], { row: gate(1) });
    expect(end).toBe('completed');
    expect(pumps).toEqual([{ gateId: 'des_1', reasons: ['paused', 'turn', 'pace'] }]);
  });
});
