import { expect, test } from 'vitest';
import { renderTable, show } from '../../bench/table.ts';

test('names stand flush left and figures flush right', () => {
  const table = {
    title: 'Latency, ms',
    header: ['', 'p50', 'p99'],
    rows: [
      ['acknowledgement', '3', '12.5'],
      ['end to end', '120'],
    ],
  };
  expect(renderTable(table).split('\n')).toEqual([
    'Latency, ms',
    '                   p50   p99',
    '  acknowledgement    3  12.5',
    '  end to end       120',
  ]);
});

test('figures are shown with the digits that count', () => {
  expect(show(12_345)).toBe('12,345');
  expect(show(123.4)).toBe('123');
  expect(show(12.34, 'ms')).toBe('12.3 ms');
  expect(show(0.1234)).toBe('0.123');
});

test('what is not known is a dash', () => {
  expect(show(null, 'ms')).toBe('–');
  expect(show(Number.NaN)).toBe('–');
});
