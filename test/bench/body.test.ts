import { expect, test } from 'vitest';
import { makeBody } from '../../bench/load/body.ts';
import { readMark } from '../../bench/receiver/recorder.ts';

const fields = { run: 3, seq: 12_345, sentAtUs: 987_654_321 };

test('a body is as long as asked for, to the byte', () => {
  expect(makeBody(fields, 1_000)).toHaveLength(1_000);
  expect(makeBody({ ...fields, customerId: 'customer-7' }, 500)).toHaveLength(500);
});

test('the receiver finds in a body what the generator put there', () => {
  expect(readMark(makeBody(fields, 300))).toEqual(fields);
});

test('a body names its customer where order is measured', () => {
  const body = makeBody({ ...fields, customerId: 'customer-7' }, 300).toString();
  expect(JSON.parse(body)).toMatchObject({ customer_id: 'customer-7', seq: 12_345 });
});
