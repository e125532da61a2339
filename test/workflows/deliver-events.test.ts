import { beforeAll, describe, expect, test } from 'vitest';
import type { AttemptOrder, Waiting } from '../../src/domain/delivery.ts';
import { workflowRunner } from '../support/workflow.ts';

type Attempt = (order: AttemptOrder) => Waiting[];

const delivery = { destinationId: 'des_1', destinationName: 'billing' };
const at = (dueAtMs: number, ...eventIds: string[]): Waiting => ({ eventIds, dueAtMs });
let run: Awaited<ReturnType<typeof workflowRunner>>;

beforeAll(async () => {
  run = await workflowRunner();
});

function deliver(
  waiting: Waiting[],
  { attempt, ...options }: { attempt: Attempt } & Partial<Parameters<typeof run>[2]>,
) {
  const orders: AttemptOrder[] = [];
  const attemptDeliveries = (order: AttemptOrder) => {
    orders.push(order);
    return attempt(order);
  };
  const ended = run(
    'deliverEvents',
    { ...delivery, waiting },
    { activities: { attemptDeliveries }, ...options },
  );
  return ended.then((result) => ({ ...result, orders }));
}

describe('a delivery', () => {
  test('attempts what is due and ends when nothing is open', async () => {
    const { end, orders, sleeps } = await deliver([at(0, 'evt_1', 'evt_2')], { attempt: () => [] });
    expect({ end, orders, sleeps }).toEqual({
      end: 'completed',
      orders: [{ destinationId: 'des_1', eventIds: ['evt_1', 'evt_2'] }],
      sleeps: [],
    });
  });

  test('waits for each retry as long as the attempt said', async () => {
    const dueAt = [60_000, 180_000];
    const { sleeps, orders, endedAtMs } = await deliver([at(0, 'evt_1')], {
      attempt: () => (dueAt.length > 0 ? [at(dueAt.shift()!, 'evt_1')] : []),
    });
    expect(sleeps.map((sleep) => sleep.ms)).toEqual([60_000, 120_000]);
    expect(orders).toHaveLength(3);
    expect(endedAtMs).toBe(180_000);
  });

  test('attempts only what is due, and leaves the rest waiting', async () => {
    const { orders } = await deliver([at(0, 'evt_1'), at(5_000, 'evt_2')], { attempt: () => [] });
    expect(orders.map((order) => order.eventIds)).toEqual([['evt_1'], ['evt_2']]);
  });

  test('says in its summaries what it does and what it waits for', async () => {
    const open = [[at(90_000, 'evt_1')]];
    const { activities, sleeps } = await deliver([at(0, 'evt_1', 'evt_2')], {
      attempt: () => open.shift() ?? [],
    });
    expect(activities).toEqual(['2 events → billing, round 1', '1 event → billing, round 2']);
    expect(sleeps[0]!.summary).toBe(
      '1 event waits for billing, next look at 1970-01-01T00:01:30.000Z',
    );
  });

  test('looks at everything at once when it is woken', async () => {
    const { orders, sleeps } = await deliver([at(60_000, 'evt_1'), at(90_000, 'evt_2')], {
      attempt: () => [],
      signals: [{ atMs: 1_000, name: 'wake' }],
    });
    expect(orders.map((order) => order.eventIds)).toEqual([['evt_1', 'evt_2']]);
    expect(sleeps).toEqual([]);
  });

  test('looks at those events alone for which it is woken, and takes on new ones', async () => {
    const { orders } = await deliver([at(60_000, 'evt_1', 'evt_2')], {
      attempt: () => [],
      signals: [{ atMs: 1_000, name: 'wake', input: { eventIds: ['evt_2', 'evt_3'] } }],
    });
    expect(orders.map((order) => order.eventIds)).toEqual([['evt_2', 'evt_3'], ['evt_1']]);
  });

  test('looks again when it is woken while an attempt is under way', async () => {
    let calls = 0;
    const { orders } = await deliver([at(0, 'evt_1')], {
      attempt: () => (++calls === 1 ? [at(3_600_000, 'evt_1')] : []),
      signals: [{ atMs: 0, name: 'wake', input: { eventIds: ['evt_1'] } }],
    });
    expect(orders).toHaveLength(2);
  });

  test('tells the attempt when events come back from a park', async () => {
    let calls = 0;
    const { orders } = await deliver([at(0, 'evt_1')], {
      attempt: () => (++calls === 1 ? [{ ...at(3_600_000, 'evt_1'), parked: true }] : []),
      signals: [{ atMs: 1_000, name: 'wake', input: { eventIds: ['evt_1'] } }],
    });
    expect(orders.map((order) => order.parked ?? false)).toEqual([false, true]);
  });

  test('goes on in a new run when its history grows long, with everything that is open', async () => {
    const { end, continuedWith } = await deliver([at(0, 'evt_1'), at(9_000, 'evt_2')], {
      attempt: () => [at(60_000, 'evt_1')],
      continueAsNewSuggestedFromMs: 0,
    });
    expect(end).toBe('continued');
    expect(continuedWith).toEqual([
      { ...delivery, waiting: [at(9_000, 'evt_2'), at(60_000, 'evt_1')] },
    ]);
  });
});
