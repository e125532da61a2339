import { beforeAll, describe, expect, test } from 'vitest';
import { workflowRunner } from '../support/workflow.ts';

let run: Awaited<ReturnType<typeof workflowRunner>>;

beforeAll(async () => {
  run = await workflowRunner();
});

function drain(looks: (number | null)[], signals: { atMs: number; name: string }[] = []) {
  return run(
    'deliverInOrder',
    { connectionId: 'web_1' },
    { activities: { drainLanes: () => ({ lookAtMs: looks.shift() ?? null }) }, signals },
  );
}

describe('lanes', () => {
  test('are drained until they are empty', async () => {
    const { end, activities } = await drain([0, null]);
    expect(end).toBe('completed');
    expect(activities).toEqual(['Lanes of web_1, round 1', 'Lanes of web_1, round 2']);
  });

  test('are looked at again when the first of those that wait is due', async () => {
    const { sleeps, endedAtMs } = await drain([90_000, null]);
    expect(sleeps.map((sleep) => sleep.ms)).toEqual([90_000]);
    expect(endedAtMs).toBe(90_000);
  });

  test('are looked at again at once when somebody calls', async () => {
    const { endedAtMs, activities } = await drain([90_000, null], [{ atMs: 1_000, name: 'wake' }]);
    expect(endedAtMs).toBe(1_000);
    expect(activities).toHaveLength(2);
  });
});
