import { beforeAll, describe, expect, test } from 'vitest';
import type { DispatchOrder, RoutedBatch, Routing, Waiting } from '../../src/domain/delivery.ts';
import { workflowRunner } from '../support/workflow.ts';

const now = (...eventIds: string[]): Waiting[] => [{ eventIds, dueAtMs: 0 }];
let run: Awaited<ReturnType<typeof workflowRunner>>;

beforeAll(async () => {
  run = await workflowRunner();
});

function batch(given: Partial<RoutedBatch>): RoutedBatch {
  return {
    projectId: 'tm_1',
    sourceIds: [],
    destinationId: 'des_1',
    destinationName: 'billing',
    waiting: now('evt_1'),
    inline: false,
    ...given,
  };
}

function process(
  routings: Routing[],
  attemptInline: () => Waiting[] = () => [],
  others: Record<string, (input: never) => unknown> = {},
  more: Partial<DispatchOrder> = {},
) {
  const dispatch: DispatchOrder = { dispatchId: 'dsp_1', requestIds: ['req_1', 'req_2'], ...more };
  return run('processRequests', dispatch, {
    activities: {
      verifyRequests: () => null,
      routeRequests: () => routings.shift(),
      attemptInline,
      ...others,
    },
  });
}

describe('processing requests', () => {
  test('starts one abandoned child for every destination', async () => {
    const { children, end } = await process([
      {
        batches: [batch({}), batch({ destinationId: 'des_2', waiting: now('evt_2') })],
        remaining: [],
      },
    ]);
    expect(end).toBe('completed');
    expect(children.map(({ workflowId, abandoned }) => ({ workflowId, abandoned }))).toEqual([
      { workflowId: 'delivery/dsp_1/des_1', abandoned: true },
      { workflowId: 'delivery/dsp_1/des_2', abandoned: true },
    ]);
    expect(children[0]!.input).toEqual({
      destinationId: 'des_1',
      destinationName: 'billing',
      waiting: now('evt_1'),
    });
  });

  test('needs no child where the first attempts inside the parent settle everything', async () => {
    const { children, activities } = await process([
      { batches: [batch({ inline: true })], remaining: [] },
    ]);
    expect(children).toEqual([]);
    expect(activities).toEqual([
      'Verify 2 requests',
      'Route 2 requests: rules in order, then one commit',
      '1 event → billing, first attempt',
    ]);
  });

  test('takes no verdicts where all were taken at receipt', async () => {
    const routings = [{ batches: [batch({})], remaining: [] }];
    const { children, activities } = await process(routings, undefined, {}, { verified: true });
    expect(children).toHaveLength(1);
    expect(activities).toEqual(['Route 2 requests: rules in order, then one commit']);
  });

  test('hands what the first attempts left open to a child', async () => {
    const open = [{ eventIds: ['evt_1'], dueAtMs: 60_000 }];
    const { children } = await process(
      [{ batches: [batch({ inline: true })], remaining: [] }],
      () => open,
    );
    expect(children.map((child) => child.input)).toEqual([
      { destinationId: 'des_1', destinationName: 'billing', waiting: open },
    ]);
  });

  test('routes again what did not fit into the first call, with workflow ids of its own', async () => {
    const { children } = await process([
      { batches: [batch({})], remaining: ['req_2'] },
      { batches: [batch({ waiting: now('evt_2') })], remaining: [] },
    ]);
    expect(children.map((child) => child.workflowId)).toEqual([
      'delivery/dsp_1/des_1',
      'delivery/dsp_1/des_1/1',
    ]);
  });

  test('calls the lanes of a connection that keeps an order, and starts no delivery for it', async () => {
    const entered: unknown[] = [];
    const { children } = await process(
      [{ batches: [batch({ lane: 'web_1' })], remaining: [] }],
      () => [],
      { enterLanes: (order: never) => void entered.push(order) },
    );
    expect(entered).toEqual([{ connectionIds: ['web_1'] }]);
    expect(children).toEqual([]);
  });
});
