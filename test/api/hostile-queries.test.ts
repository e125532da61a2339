import { afterAll, beforeAll, expect, test } from 'vitest';
import { newId } from '../../src/db/ids.ts';
import { type Gateway, KEY, startGateway } from './gateway.ts';
import { arrive } from './history.ts';

let gateway: Gateway;
beforeAll(async () => {
  gateway = await startGateway();
  const { db, projectId } = gateway;
  await arrive(db, { projectId, sourceId: newId('source'), body: '{"a":"b","n":1e400}' });
});
afterAll(() => gateway.close());

const HOSTILE = [
  '\0',
  '\u{10ffff}',
  '-1',
  '1.5',
  '99999999999999999999',
  '1e400',
  'NaN',
  '{"a":"\\u0000"}',
  '{"a":"\\ud800"}',
  `evt_${'\0'.repeat(3)}`,
  '-271821-04-20T00:00:00.000Z',
  '+275760-09-13T00:00:00.000Z',
  'x'.repeat(4_000),
];

type Parameter = { in: string; name: string };
type Operation = { parameters?: Parameter[] };

test('no query and no id makes a read fail on our side', async () => {
  const paths = Object.entries(gateway.document.paths as Record<string, { get?: Operation }>);
  const failures: string[] = [];
  const statuses = new Map<number, number>();
  for (const [path, { get }] of paths) {
    if (!get) continue;
    const names = (get.parameters ?? []).filter((each) => each.in === 'query');
    const asked = HOSTILE.flatMap((value) => {
      const text = encodeURIComponent(value.toWellFormed());
      const at = path.replaceAll(/\{\w+\}/g, text || 'x');
      return [
        at,
        ...names.flatMap(({ name }) =>
          [name, `${name}[gte]`].map(
            (key) => `${path.replaceAll(/\{\w+\}/g, 'req_0')}?${key}=${text}`,
          ),
        ),
      ];
    });
    for (let from = 0; from < asked.length; from += 40) {
      const answers = await Promise.all(
        asked.slice(from, from + 40).map(async (each) => {
          const response = await fetch(`${gateway.origin}/2026-09-01${each}`, {
            headers: { authorization: `Bearer ${KEY}` },
          });
          await response.arrayBuffer();
          return { each, status: response.status };
        }),
      );
      for (const { status } of answers) statuses.set(status, (statuses.get(status) ?? 0) + 1);
      failures.push(
        ...answers
          .filter(({ status }) => status >= 500)
          .map(({ each, status }) => `${status} ${each}`),
      );
    }
  }
  expect(statuses.get(200)).toBeGreaterThan(100);
  expect(failures).toEqual([]);
}, 240_000);
