import { describe, expect, test } from 'vitest';
import { createCircuits } from '../../src/activities/circuit.ts';
import type { AttemptOutcome } from '../../src/domain/outcome.ts';

const answered = (responseStatus: number | null) =>
  ({ kind: responseStatus === 200 ? 'delivered' : 'failed', responseStatus }) as AttemptOutcome;

function circuits() {
  let nowMs = 0;
  const changes: boolean[] = [];
  const all = createCircuits({
    now: () => nowMs,
    onChange: (_, state) => changes.push(state.open),
  });
  return {
    ...all,
    changes,
    fail: (times: number, status: number | null = null) => {
      for (let i = 0; i < times; i++) all.record('des_1', answered(status));
    },
    pass: (ms: number) => void (nowMs += ms),
  };
}

describe('a circuit that its receiver asked for', () => {
  test('stays open until its time, whatever comes of what was on its way', () => {
    const { hold, record, fail, enter, state, pass, changes } = circuits();
    hold('des_1', 60_000);
    record('des_1', answered(200));
    fail(20, 503);
    record('des_1', answered(200));
    pass(59_999);
    expect(enter('des_1')).toBe('open');
    expect(state('des_1')).toMatchObject({ open: true, probeAtMs: 60_000 });
    expect(enter('des_2')).toBe('closed');
    pass(1);
    expect(enter('des_1')).toBe('probe');
    expect(enter('des_1')).toBe('open');
    record('des_1', answered(200));
    expect(enter('des_1')).toBe('closed');
    expect(changes).toEqual([true, false]);
  });

  test('is prolonged by the one that tries it, never shortened', () => {
    const { hold, state, enter, pass } = circuits();
    hold('des_1', 60_000);
    hold('des_1', 10_000);
    expect(state('des_1').probeAtMs).toBe(60_000);
    pass(60_000);
    expect(enter('des_1')).toBe('probe');
    hold('des_1', 90_000);
    expect(enter('des_1')).toBe('open');
    expect(state('des_1').probeAtMs).toBe(90_000);
  });

  test('ends when somebody lifts it, though nobody asks', () => {
    let keptMs: number | null = null;
    const changes: boolean[] = [];
    const { hold, lookAgain } = createCircuits({
      now: () => 1_000,
      keptUntilMs: () => keptMs,
      onChange: (_, state) => changes.push(state.open),
    });
    hold('des_1', 60_000);
    // Not written yet: that is no reason to end it.
    lookAgain();
    expect(changes).toEqual([true]);
    keptMs = 60_000;
    lookAgain();
    keptMs = null;
    lookAgain();
    expect(changes).toEqual([true, false]);
  });

  test('holds in a process that reads of it, and ends there when it is ended', () => {
    let keptMs: number | null = 60_000;
    const changes: boolean[] = [];
    const all = createCircuits({
      now: () => 1_000,
      keptUntilMs: (id) => (id === 'des_1' ? keptMs : null),
      onChange: (_, { open }) => changes.push(open),
    });
    expect(all.enter('des_1')).toBe('open');
    expect(all.enter('des_2')).toBe('closed');
    expect(all.state('des_1').probeAtMs).toBe(60_000);
    keptMs = null;
    expect(all.enter('des_1')).toBe('closed');
    expect(changes).toEqual([true, false]);
  });

  test('holds before its row says so', () => {
    const { hold, enter } = circuits();
    hold('des_1', 60_000);
    expect(enter('des_1')).toBe('open');
  });
});

describe('a circuit', () => {
  test('opens after ten attempts in a row without an answer', () => {
    const { fail, enter } = circuits();
    fail(9);
    expect(enter('des_1')).toBe('closed');
    fail(1);
    expect(enter('des_1')).toBe('open');
    expect(enter('des_2')).toBe('closed');
  });

  test('opens for a gateway that stands before a service that is down', () => {
    const { fail, enter } = circuits();
    fail(10, 503);
    expect(enter('des_1')).toBe('open');
  });

  test('stays closed while a destination answers, whatever it says', () => {
    const { fail, enter } = circuits();
    fail(50, 500);
    fail(9);
    fail(1, 404);
    fail(9);
    expect(enter('des_1')).toBe('closed');
  });

  test('lets a single attempt through when it is time, and closes when that is answered', () => {
    const { fail, enter, pass, record, changes } = circuits();
    fail(10);
    pass(1_000);
    expect([enter('des_1'), enter('des_1')]).toEqual(['probe', 'open']);
    record('des_1', answered(200));
    expect(enter('des_1')).toBe('closed');
    expect(changes).toEqual([true, false]);
  });

  test('waits longer after every probe that fails, four seconds at most', () => {
    const { fail, enter, pass, state } = circuits();
    fail(10);
    const waits: number[] = [];
    for (let at = 0, i = 0; i < 7; i++) {
      const probeAtMs = state('des_1').probeAtMs!;
      waits.push(probeAtMs - at);
      pass(probeAtMs - at);
      at = probeAtMs;
      expect(enter('des_1')).toBe('probe');
      fail(1);
    }
    expect(waits).toEqual([1_000, 2_000, 4_000, 4_000, 4_000, 4_000, 4_000]);
  });

  test('gives the probe to another when the first had nothing to send', () => {
    const { fail, enter, pass, endProbe } = circuits();
    fail(10);
    pass(1_000);
    enter('des_1');
    endProbe('des_1');
    expect(enter('des_1')).toBe('probe');
  });
});
