import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { allot, lineUp, resumeTrack, type Track, type Want } from '../../src/domain/allot.ts';
import { limitsOf } from '../../src/domain/limits.ts';

const NOW = 1_000_000;
const times = { nowMs: NOW, leadMs: 0, horizonMs: 1_000, most: 100 };
const fresh: Want = { group: null, queued: false };

function track(limit: Track['limit'], given: Partial<Track> = {}): Track {
  return { limit, nextAtMs: 0, lineAtMs: 0, open: 0, ...given };
}

function slots(answers: ReturnType<typeof allot>): number[] {
  return answers.flatMap((answer) => (answer.kind === 'slot' ? answer.atMs : []));
}

function ofPolicy(policy: Parameters<typeof limitsOf>[0], groups: string[] = []) {
  const limits = limitsOf(policy);
  return {
    whole: track(limits.whole),
    groups: new Map(groups.map((name) => [name, track(limits.ofGroup(name))])),
  };
}

describe('times under a rate', () => {
  test('are evenly apart, and no further away than the horizon', () => {
    const state = ofPolicy({ rate: 4, period: 'second' });
    const answers = allot(Array(8).fill(fresh), { ...state, ...times });
    expect(slots(answers)).toEqual([0, 257.5, 515, 772.5].map((ms) => NOW + ms));
    expect(answers[4]).toMatchObject({ kind: 'wait' });
  });

  test('spread a rate per minute, without a burst', () => {
    const state = ofPolicy({ rate: 4, period: 'minute' });
    const answers = allot([fresh, fresh, fresh], { ...state, ...times });
    expect(slots(answers)).toEqual([NOW]);
    expect(answers[1]).toEqual({ kind: 'wait', untilMs: NOW + 15_075 });
    expect(answers[2]).toEqual({ kind: 'wait', untilMs: NOW + 30_150 });
  });

  test('never hold more than the rate and one in any period, however askers come and stop', () => {
    const asks = fc.array(
      fc.record({
        gapMs: fc.integer({ min: 0, max: 3_000 }),
        count: fc.integer({ min: 1, max: 80 }),
      }),
      { minLength: 1, maxLength: 40 },
    );
    fc.assert(
      fc.property(asks, fc.integer({ min: 1, max: 60 }), (all, rate) => {
        const state = ofPolicy({ rate, period: 'second' });
        const sent: number[] = [];
        let nowMs = NOW;
        for (const { gapMs, count } of all) {
          nowMs += gapMs;
          sent.push(...slots(allot(Array(count).fill(fresh), { ...state, ...times, nowMs })));
        }
        const most = Math.max(
          ...sent.map((from) => sent.filter((at) => at >= from && at <= from + 1_000).length),
        );
        expect(most).toBeLessThanOrEqual(rate + 1);
      }),
    );
  });

  test('leave those behind who just came while others wait in line', () => {
    const state = ofPolicy({ rate: 1, period: 'second' });
    state.whole.lineAtMs = NOW + 30_000;
    const [first, second] = allot([fresh, { ...fresh, queued: true }], { ...state, ...times });
    expect(first).toEqual({ kind: 'wait', untilMs: NOW + 30_000 });
    expect(second).toMatchObject({ kind: 'slot', atMs: NOW });
  });

  test('start anew when the rate has changed: nobody waits for what the old one had planned', () => {
    const limit = limitsOf({ rate: 100, period: 'second' }).whole;
    const kept = { words: '1/hour', nextAtMs: NOW + 3_600_000, lineAtMs: NOW + 9_000_000 };
    const resumed = resumeTrack(limit, kept, { nowMs: NOW, open: 0 });
    expect(resumed.nextAtMs).toBeLessThan(NOW + 20);
    expect(resumed.lineAtMs).toBe(0);
  });
});

describe('groups', () => {
  const policy = {
    rate: 100,
    period: 'second' as const,
    groups: {
      key: 'body.customer',
      rate: 1,
      rate_period: 'second' as const,
      overrides: { gold: { rate: 10, rate_period: 'second' as const } },
    },
  };
  const of = (group: string): Want => ({ group, queued: false });

  test('have a rate each, and one that is slow holds back nobody else', () => {
    const state = ofPolicy(policy, ['a', 'b', 'gold']);
    const answers = allot([of('a'), of('a'), of('b'), of('gold'), of('gold')], {
      ...state,
      ...times,
      horizonMs: 90,
    });
    expect(answers.map((answer) => answer.kind)).toEqual(['slot', 'wait', 'slot', 'slot', 'wait']);
  });

  test('share the rate of the destination', () => {
    const state = ofPolicy({ ...policy, rate: 10 }, ['a', 'b', 'c']);
    const answers = allot([of('a'), of('b'), of('c')], { ...state, ...times });
    expect(slots(answers)).toEqual([0, 103, 206].map((ms) => NOW + ms));
  });

  test('that wait for their own rate take no open request from the others', () => {
    const few = { ...policy, rate: 2, period: 'concurrent' as const };
    const state = ofPolicy(few, ['a', 'b']);
    const answers = allot([of('a'), of('a'), of('b')], { ...state, ...times, horizonMs: 5_000 });
    expect(answers.map((answer) => answer.kind)).toEqual(['slot', 'wait', 'slot']);
  });
});

describe('a limit of open requests', () => {
  test('gives no more than are free', () => {
    const state = ofPolicy({ rate: 2, period: 'concurrent' });
    state.whole.open = 1;
    const answers = allot([fresh, fresh], { ...state, ...times });
    expect(answers).toEqual([{ kind: 'slot', atMs: NOW, lateMs: null }, { kind: 'busy' }]);
  });

  test('does not count one that is open already', () => {
    const state = ofPolicy({ rate: 1, period: 'concurrent' });
    state.whole.open = 1;
    const [answer] = allot([{ ...fresh, leased: true }], { ...state, ...times });
    expect(answer?.kind).toBe('slot');
  });
});

describe('a rate and a limit of open requests', () => {
  const both = { rate: 4, period: 'second', concurrent: 2 } as const;

  test('hold together: no more are given than are free, at times that are apart', () => {
    const state = ofPolicy(both);
    const answers = allot([fresh, fresh, fresh], { ...state, ...times });
    expect(slots(answers)).toEqual([NOW, NOW + 257.5]);
    expect(answers[2]).toEqual({ kind: 'busy' });
    // One has ended: there is room for one more, at its time.
    state.whole.open--;
    expect(slots(allot([fresh, fresh], { ...state, ...times }))).toEqual([NOW + 515]);
  });

  test('leave to the rate what has to wait for it anyway', () => {
    const state = ofPolicy({ rate: 1, period: 'hour', concurrent: 1 });
    const answers = allot([fresh, fresh], { ...state, ...times });
    expect(answers[1]).toEqual({ kind: 'wait', untilMs: NOW + 3_600_300 });
  });

  test('hold in a group and in the whole', () => {
    const groups = {
      key: 'body.customer',
      rate: 100,
      rate_period: 'second',
      concurrent: 1,
    } as const;
    const state = ofPolicy({ rate: 100, period: 'second', concurrent: 2, groups }, ['a', 'b', 'c']);
    const of = (group: string): Want => ({ group, queued: false });
    const answers = allot([of('a'), of('a'), of('b'), of('c')], { ...state, ...times });
    expect(answers.map((answer) => answer.kind)).toEqual(['slot', 'busy', 'slot', 'busy']);
  });

  test('hold whoever asks, and however long requests take', () => {
    const asks = fc.array(
      fc.record({
        gapMs: fc.integer({ min: 0, max: 400 }),
        count: fc.integer({ min: 1, max: 10 }),
        tookMs: fc.integer({ min: 0, max: 900 }),
      }),
      { minLength: 1, maxLength: 60 },
    );
    const limit = fc.integer({ min: 1, max: 30 });
    fc.assert(
      fc.property(asks, limit, limit, (all, rate, concurrent) => {
        const state = ofPolicy({ rate, period: 'second', concurrent });
        const sent: { atMs: number; endMs: number }[] = [];
        let nowMs = NOW;
        for (const { gapMs, count, tookMs } of all) {
          nowMs += gapMs;
          state.whole.open = sent.filter((one) => one.endMs > nowMs).length;
          const given = slots(allot(Array(count).fill(fresh), { ...state, ...times, nowMs }));
          sent.push(...given.map((atMs) => ({ atMs, endMs: atMs + tookMs })));
        }
        for (const { atMs: from } of sent) {
          const open = sent.filter(({ atMs, endMs }) => atMs <= from && endMs > from).length;
          expect(open).toBeLessThanOrEqual(concurrent);
          const inASecond = sent.filter(({ atMs }) => atMs >= from && atMs <= from + 1_000).length;
          expect(inASecond).toBeLessThanOrEqual(rate + 1);
        }
      }),
    );
  });
});

test('the line gives everyone a turn, one after the other', () => {
  const state = { ...ofPolicy({ rate: 4, period: 'minute' }), nowMs: NOW };
  expect(lineUp([fresh, fresh], state)).toEqual([NOW, NOW + 15_075]);
  expect(lineUp([fresh], state)).toEqual([NOW + 30_150]);
});
