import { expect, it } from 'vitest';
import { createFairQueue } from '../../src/sandbox/fair-queue.ts';

function takeAll(queue: ReturnType<typeof createFairQueue<string>>): string[] {
  const taken: string[] = [];
  for (let item = queue.take(() => true); item !== undefined; item = queue.take(() => true))
    taken.push(item);
  return taken;
}

it('tenants take turns, and within a tenant its transformations do', () => {
  const queue = createFairQueue<string>();
  for (const item of ['a1', 'a2', 'a3']) queue.push({ tenant: 'a', lane: 'x' }, item);
  queue.push({ tenant: 'a', lane: 'y' }, 'ay');
  for (const item of ['b1', 'b2']) queue.push({ tenant: 'b', lane: 'x' }, item);
  expect(takeAll(queue)).toEqual(['a1', 'b1', 'ay', 'b2', 'a2', 'a3']);
});

it('what may not start yet holds back nobody else and keeps its place', () => {
  const queue = createFairQueue<string>();
  queue.push({ tenant: 'a', lane: 'slow' }, 'slow');
  queue.push({ tenant: 'a', lane: 'quick' }, 'quick');
  expect(queue.take((item) => item !== 'slow')).toBe('quick');
  expect(queue.take((item) => item !== 'slow')).toBeUndefined();
  expect(takeAll(queue)).toEqual(['slow']);
});

it('a second try comes before the rest of its lane, and drain gives everything', () => {
  const queue = createFairQueue<string>();
  queue.push({ tenant: 'a', lane: 'x' }, 'second');
  queue.pushFirst({ tenant: 'a', lane: 'x' }, 'again');
  expect(queue.drain()).toEqual(['again', 'second']);
  expect(takeAll(queue)).toEqual([]);
});

it('who comes while the job of another runs is next, whatever that other one has waiting', () => {
  const queue = createFairQueue<string>();
  for (const item of ['a1', 'a2', 'a3']) queue.push({ tenant: 'a', lane: 'x' }, item);
  expect(queue.take(() => true)).toBe('a1');
  queue.push({ tenant: 'b', lane: 'x' }, 'b1');
  expect(takeAll(queue)).toEqual(['b1', 'a2', 'a3']);
});
