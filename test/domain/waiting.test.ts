import { describe, expect, test } from 'vitest';
import { dueNow, groupWaiting, without } from '../../src/domain/waiting.ts';

describe('waiting events', () => {
  test('are put together by time, never earlier than any is due', () => {
    const events = [0, 10, 49, 51].map((ms, i) => ({ eventId: `evt_${i}`, dueAtMs: 100_000 + ms }));
    const groups = groupWaiting(events, 100_000);
    expect(groups).toEqual([
      { dueAtMs: 100_000, eventIds: ['evt_0'] },
      { dueAtMs: 100_050, eventIds: ['evt_1', 'evt_2'] },
      { dueAtMs: 100_100, eventIds: ['evt_3'] },
    ]);
  });

  test('that are parked stay apart from those that wait for time alone', () => {
    const dueAtMs = 100_000;
    const groups = groupWaiting(
      [
        { eventId: 'evt_1', dueAtMs, parked: true },
        { eventId: 'evt_2', dueAtMs },
      ],
      100_000,
    );
    expect(groups).toEqual([
      { dueAtMs, eventIds: ['evt_1'], parked: true },
      { dueAtMs, eventIds: ['evt_2'] },
    ]);
  });

  test('are all due when nobody is named', () => {
    const waiting = [{ eventIds: ['evt_1'], dueAtMs: 9, parked: true as const }];
    expect(dueNow(waiting, { eventIds: [], nowMs: 5 })).toEqual([
      { eventIds: ['evt_1'], dueAtMs: 5, parked: true },
    ]);
  });

  test('leave their group when they are named', () => {
    const waiting = [{ eventIds: ['evt_1', 'evt_2'], dueAtMs: 9 }];
    expect(dueNow(waiting, { eventIds: ['evt_2'], nowMs: 5 })).toEqual([
      { eventIds: ['evt_1'], dueAtMs: 9 },
      { eventIds: ['evt_2'], dueAtMs: 5, parked: true },
    ]);
  });

  test('are gone when their group is empty', () => {
    const waiting = [{ eventIds: ['evt_1'], dueAtMs: 9 }];
    expect(without(waiting, waiting)).toEqual([]);
  });
});
