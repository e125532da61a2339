import { describe, expect, test } from 'vitest';
import { createAdmission } from '../../src/activities/admission.ts';
import { createCircuits } from '../../src/activities/circuit.ts';
import { until } from '../support/until.ts';

function admission(waiting = 0) {
  const calls: number[] = [];
  const circuits = createCircuits();
  const all = createAdmission({
    circuits,
    wakeFirst: ({ limit }) => {
      calls.push(limit);
      const woken = Math.min(limit, waiting);
      waiting -= woken;
      return Promise.resolve(woken);
    },
    onError: () => {},
  });
  return { ...all, circuits, calls };
}

describe('admission', () => {
  test('lets so many work at a destination at once, and no more', () => {
    const { enter } = admission();
    const admitted = [1, 2, 3].map(() => enter('des_1', { most: 2 }));
    expect(admitted.map(Boolean)).toEqual([true, true, false]);
    admitted[0]!.leave();
    expect(enter('des_1', { most: 2 })).not.toBeNull();
    expect(enter('des_2', { most: 2 })).not.toBeNull();
  });

  test('tells how many more may work at a destination', () => {
    const { enter, room } = admission();
    expect(room('des_1')).toBe(64);
    const admitted = [1, 2].map(() => enter('des_1', { most: 8 }));
    expect(room('des_1')).toBe(6);
    admitted[0]!.leave();
    expect(room('des_1')).toBe(7);
    expect(room('des_2')).toBe(64);
  });

  test('where few may work, one that leaves calls one', () => {
    const { enter, turnedAway, calls } = admission(20);
    const admitted = Array.from({ length: 8 }, () => enter('des_1', { most: 8 }));
    expect(enter('des_1', { most: 8 })).toBeNull();
    turnedAway('des_1');
    admitted[0]!.leave();
    expect(calls).toEqual([1]);
  });

  test('asks nobody when nobody was turned away', () => {
    const { enter, calls } = admission();
    enter('des_1')!.leave();
    expect(calls).toEqual([]);
  });

  test('calls those that wait when one leaves, until none is left', async () => {
    const { enter, turnedAway, calls } = admission(1);
    const first = enter('des_1')!;
    turnedAway('des_1');
    first.leave();
    await until('the call', () => calls.length === 1);
    enter('des_1')!.leave();
    await until('the call that finds nobody', () => calls.length === 2);
    await Promise.resolve();
    enter('des_1')!.leave();
    expect(calls).toHaveLength(2);
  });

  test('calls at once when the last one left before the row was there', async () => {
    const { turnedAway, calls } = admission(1);
    turnedAway('des_1');
    expect(calls).toEqual([1]);
  });

  test('lets one try a destination that did not answer, when it is time', async () => {
    const { enter, circuits, turnedAway, circuitChanged, calls } = admission(5);
    for (let i = 0; i < 10; i++) {
      circuits.record('des_1', { kind: 'failed', responseStatus: null } as never);
    }
    expect(enter('des_1')).toBeNull();
    turnedAway('des_1');
    circuitChanged('des_1', circuits.state('des_1').probeAtMs);
    await until('the call for a probe', () => calls.length === 1);
    expect(calls).toEqual([1]);
    expect(enter('des_1')?.probe).toBe(true);
  });
});
