import { createHmac } from 'node:crypto';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { readSigning } from '../../src/db/signing-secrets.ts';
import { type Gateway, startGateway } from './gateway.ts';

type Shown = { models: { secret: string; not_after: string | null }[] };

let gateway: Gateway;
beforeAll(async () => {
  gateway = await startGateway();
});
afterAll(() => gateway.close());

const shown = async () => (await gateway.done('GET', '/signing-secrets')) as Shown;
const rotate = async (body?: object) =>
  (await gateway.done('POST', '/signing-secrets/rotate', body)) as Shown;

test('receivers of older destinations can be told what their deliveries are signed with', async () => {
  const { models } = await shown();
  expect(models).toEqual([{ secret: expect.stringMatching(/^whsec_.{44}$/), not_after: null }]);
  const { db, deps, projectId } = gateway;
  const { shared } = await readSigning(db, { sealer: deps.sealer, projectId, nowMs: Date.now() });
  const sign = ({ secret }: { secret: string }) =>
    createHmac('sha256', secret).update('body').digest('hex');
  expect(shared.map(sign)).toEqual(models.map(sign));
});

test('a new secret takes the first place, and the old one is used beside it for a while', async () => {
  const [old] = (await shown()).models;
  const { models } = await rotate({ old_valid_hours: 1 });
  expect(models).toHaveLength(2);
  expect(models[0]!.secret).not.toBe(old!.secret);
  expect(models[1]!.secret).toBe(old!.secret);
  const leftMs = new Date(models[1]!.not_after!).getTime() - Date.now();
  expect(leftMs).toBeGreaterThan(3_500_000);
  expect(leftMs).toBeLessThanOrEqual(3_600_000);
  expect((await shown()).models).toEqual(models);
});

test('secrets of before can be dropped at once, and are never more than two', async () => {
  for (let n = 0; n < 3; n++) await rotate();
  expect((await shown()).models).toHaveLength(3);
  const { models } = await rotate({ old_valid_hours: 0 });
  expect(models).toHaveLength(1);
  expect((await shown()).models).toEqual(models);
});

test('a rotation that asks for something else is refused and changes nothing', async () => {
  const before = await shown();
  for (const body of [{ old_valid_hours: -1 }, { old_valid_hours: 'x' }, { other: 1 }]) {
    const answer = await gateway.ask('POST', '/signing-secrets/rotate', { body });
    expect(answer.status).toBe(422);
  }
  expect(await shown()).toEqual(before);
});
