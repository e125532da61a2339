import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { createPacer, type Pacer } from '../../src/activities/pacer.ts';
import { newId } from '../../src/db/ids.ts';
import { limitsOf } from '../../src/domain/limits.ts';
import { testDatabase, type TestDatabase } from '../support/postgres.ts';

let database: TestDatabase;
// As two workers have them.
let pacers: [Pacer, Pacer];
beforeAll(async () => {
  database = await testDatabase();
  const onError = (error: unknown) => {
    throw error;
  };
  pacers = [createPacer({ db: database.db, onError }), createPacer({ db: database.db, onError })];
});
afterAll(async () => {
  for (const pacer of pacers) pacer.close();
  await database.drop();
});

type Policy = Parameters<typeof limitsOf>[0];

/** A destination that both workers send to. */
function destination() {
  const destinationId = newId('destination');
  return {
    /** Asks one worker's pacer for as many deliveries; returns the ids of those that may leave. */
    async ask(
      pacer: Pacer,
      { policy, count, group = null }: { policy: Policy; count: number; group?: string | null },
    ) {
      const wants = Array.from({ length: count }, () => {
        return { eventId: newId('event'), group, queued: false };
      });
      const order = { destinationId, limits: limitsOf(policy), wants, most: count };
      const answers = await pacer.reserve(order);
      return {
        kinds: answers.map((answer) => answer.kind),
        sent: wants.filter((_, i) => answers[i]!.kind === 'slot').map(({ eventId }) => eventId),
        atMs: answers.flatMap((answer) => (answer.kind === 'slot' ? answer.atMs : [])),
      };
    },
    release: (pacer: Pacer, eventIds: string[]) => pacer.release(destinationId, eventIds),
  };
}

const BOTH = { rate: 20, period: 'second', concurrent: 2 } as const;

describe('under a rate and a limit of open requests', () => {
  test('two workers have no more open than allowed, at times that are apart', async () => {
    const [one, other] = pacers;
    const { ask, release } = destination();
    const first = await ask(one, { policy: BOTH, count: 1 });
    const second = await ask(other, { policy: BOTH, count: 2 });
    expect([...first.kinds, ...second.kinds]).toEqual(['slot', 'slot', 'busy']);
    expect(second.atMs[0]! - first.atMs[0]!).toBeGreaterThan(45);
    expect((await ask(one, { policy: BOTH, count: 1 })).kinds).toEqual(['busy']);
    await release(one, first.sent);
    expect((await ask(other, { policy: BOTH, count: 2 })).kinds).toEqual(['slot', 'busy']);
  });

  test('a group has both within those of the destination', async () => {
    const [one, other] = pacers;
    const { ask, release } = destination();
    const policy = { ...BOTH, groups: { key: 'body.id', ...BOTH, concurrent: 1 } };
    const first = await ask(one, { policy, count: 2, group: '0' });
    expect(first.kinds).toEqual(['slot', 'busy']);
    expect((await ask(other, { policy, count: 2, group: '"0"' })).kinds).toEqual(['slot', 'busy']);
    expect((await ask(one, { policy, count: 1, group: 'c' })).kinds).toEqual(['busy']);
    await release(one, first.sent);
    expect((await ask(other, { policy, count: 1, group: '"0"' })).kinds).toEqual(['busy']);
    expect((await ask(other, { policy, count: 1, group: '0' })).kinds).toEqual(['slot']);
  });
});

describe('a limit of open requests that is set while some are open', () => {
  test.each([
    ['beside the rate', BOTH],
    ['in the place of the rate', { concurrent: 2 }],
  ])('counts them, whichever worker has them: %s', async (_, policy) => {
    const [one, other] = pacers;
    const { ask, release } = destination();
    const rate = { rate: 1_000, period: 'second' } as const;
    const open = await ask(one, { policy: rate, count: 2 });
    expect(open.kinds).toEqual(['slot', 'slot']);
    expect((await ask(other, { policy, count: 1 })).kinds).toEqual(['busy']);
    await release(one, open.sent);
    expect((await ask(other, { policy, count: 1 })).kinds).toEqual(['slot']);
  });

  test('ends with the limit', async () => {
    const [one, other] = pacers;
    const { ask } = destination();
    await ask(one, { policy: BOTH, count: 2 });
    const more = await ask(other, { policy: null, count: 5 });
    expect(more.kinds).toEqual(Array(5).fill('slot'));
  });
});
