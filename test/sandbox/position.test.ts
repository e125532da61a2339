import { describe, expect, test } from 'vitest';
import { readReport } from '../../src/sandbox/report.ts';
import { judge } from '../../src/sandbox/verdict.ts';

const FRAMES = '\n    at handle (transformation.js:3:7)\n    at eval (<anonymous>)';

function thrown(message: string, stack = `${message}${FRAMES}`) {
  const report = JSON.stringify({ kind: 'user_error', message, stack, logs: [] });
  return readReport(report, { outputBytes: 1_000 }).result;
}

describe('the position of an error', () => {
  test('is its topmost frame in the code, whatever its message quotes', () => {
    const quotes = [
      'Error: transformation.js:99999999999:1',
      'Error: cannot take transformation.js:12:34',
      'Error: x\n    at a (transformation.js:12:34)',
      'Error: x\n    at transformation.js:12:34\n',
      'Error: \n    at a (transformation.js:99999999999:1)\r\n    at transformation.js:8:8',
      `Error: ${'transformation.js:5:5 '.repeat(100)}`,
    ];
    for (const message of quotes) {
      expect(thrown(message)).toMatchObject({ line: 3, column: 7 });
    }
  });

  test('is its frame, too, where its name was changed after it was made', () => {
    const message = 'Mine: transformation.js:9:9';
    const stack = `Error: transformation.js:9:9${FRAMES}`;
    expect(thrown(message, stack)).toMatchObject({ line: 3, column: 7 });
  });

  test('is none where a place has more digits than code has lines', () => {
    for (const place of ['99999999999:1', '1:99999999999', '2147483648:1', '1e9:1', '-1:1']) {
      const result = thrown('Error: x', `Error: x\n    at a (transformation.js:${place})`);
      expect(result).not.toHaveProperty('line');
    }
  });

  test('is none where a child forged one that no table holds', () => {
    for (const [line, column] of [
      [99_999_999_999, 1],
      [1, -1],
      [1.5, 1],
      ['2', 1],
    ]) {
      const head = { id: 7, durationMs: 1, verdict: 'syntax', message: 'x', line, column };
      const reply = { kind: 'reply', head, report: '' } as unknown as Parameters<typeof judge>[0];
      const { result } = judge(reply, { id: 7, outputBytes: 10 });
      expect(result).not.toHaveProperty('line');
    }
  });
});
