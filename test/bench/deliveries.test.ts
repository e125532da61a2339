import { expect, test } from 'vitest';
import { completeness, latencies, orderViolations } from '../../bench/deliveries.ts';
import { createRecorder, readMark } from '../../bench/receiver/recorder.ts';

function arrived(rows: [destination: number, seq: number, sentAtUs: number, tookUs: number][]) {
  const recorder = createRecorder();
  recorder.begin(1);
  for (const [destination, seq, sentAtUs, tookUs] of rows) {
    recorder.record({ run: 1, seq, sentAtUs }, { destination, arrivedAtUs: sentAtUs + tookUs });
  }
  return recorder.report();
}

test('a request is lost for each destination it did not reach', () => {
  const arrivals = arrived([
    [0, 0, 10, 1],
    [0, 1, 20, 1],
    [1, 0, 10, 1],
  ]);
  const acked = Uint32Array.of(0, 1);
  expect(completeness(arrivals, { destinations: [0, 1], acked })).toEqual({
    delivered: 3,
    unique: 3,
    duplicates: 0,
    lost: 1,
  });
});

test('a second arrival is a duplicate and does not make up for a lost one', () => {
  const arrivals = arrived([
    [0, 0, 10, 1],
    [0, 0, 10, 9],
  ]);
  const acked = Uint32Array.of(0, 1);
  const found = completeness(arrivals, { destinations: [0], acked });
  expect(found).toEqual({ delivered: 2, unique: 1, duplicates: 1, lost: 1 });
});

test('what was not acknowledged may arrive, and is not lost when it does not', () => {
  const arrivals = arrived([[0, 7, 10, 1]]);
  const found = completeness(arrivals, { destinations: [0], acked: Uint32Array.of() });
  expect(found).toMatchObject({ unique: 1, lost: 0 });
});

test('latencies belong to the phase in which a request was sent', () => {
  const arrivals = arrived([
    [0, 0, 100, 5],
    [0, 1, 200, 6],
    [1, 2, 200, 7],
  ]);
  expect(latencies(arrivals, { destinations: [0], fromUs: 200 })).toEqual([6]);
  expect(latencies(arrivals, { destinations: [0], toUs: 200 })).toEqual([5]);
  expect(latencies(arrivals, { destinations: [0, 1] })).toEqual([5, 6, 7]);
});

test('an arrival that was overtaken by a later one of its own customer is a violation', () => {
  expect(orderViolations([0, 1, 2, 3, 4, 5], 2)).toBe(0);
  expect(orderViolations([1, 0, 3, 2], 2)).toBe(0);
  expect(orderViolations([0, 4, 2, 6], 2)).toBe(1);
});

test('late arrivals of an earlier run are not counted', () => {
  const recorder = createRecorder();
  recorder.begin(2);
  recorder.record({ run: 1, seq: 5, sentAtUs: 0 }, { destination: 0, arrivedAtUs: 1 });
  recorder.record({ run: 2, seq: 5, sentAtUs: 0 }, { destination: 0, arrivedAtUs: 1 });
  recorder.record({ run: 2, seq: 5, sentAtUs: 0 }, { destination: 0, arrivedAtUs: 2 });
  expect(recorder.progress()).toEqual({ arrivals: 2, distinct: 1 });
});

test('a body that is not ours carries no mark', () => {
  expect(readMark(Buffer.from('{"hello":1}'))).toBeNull();
  expect(readMark(Buffer.from('not json'))).toBeNull();
  expect(readMark(Buffer.from('null'))).toBeNull();
});
