import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { readReport } from '../../src/sandbox/report.ts';

const limits = { outputBytes: 1_000 };

describe('a guest may report whatever it likes', () => {
  it('nothing it says makes reading throw, and the result always has a known kind', () => {
    const kinds = fc.constantFrom(
      'ok',
      'drop',
      'user_error',
      'result_error',
      'killed',
      'other',
      1,
      null,
    );
    const report = fc.record(
      {
        kind: kinds,
        message: fc.anything(),
        reason: fc.anything(),
        stack: fc.anything(),
        requests: fc.anything(),
        logs: fc.anything(),
        logLevel: fc.anything(),
        logsDropped: fc.jsonValue(),
      },
      { requiredKeys: ['kind'] },
    );
    const allowed = ['ok', 'drop', 'user_error', 'result_error', 'async_hang', 'too_large'];
    fc.assert(
      fc.property(report, (value) => {
        expect(allowed).toContain(
          readReport(
            JSON.stringify(value, (_, item: unknown) => (typeof item === 'bigint' ? 1 : item)),
            limits,
          ).result.kind,
        );
      }),
    );
    fc.assert(
      fc.property(fc.string(), (text) => {
        expect(readReport(text, limits).result.kind).toBe('result_error');
      }),
    );
  });

  it('cannot claim an ending that only the pool may see', () => {
    for (const kind of ['killed', 'memory', 'timeout', 'rejected_source']) {
      expect(readReport(JSON.stringify({ kind, message: 'x' }), limits).result.kind).toBe(
        'result_error',
      );
    }
  });

  it('bytes count, not characters', () => {
    const request = {
      headers: { 'content-type': 'a/b' },
      path: '/',
      query: '',
      body: 'ä'.repeat(600),
      bodyKind: 'text',
    };
    expect(
      readReport(JSON.stringify({ kind: 'ok', requests: [request] }), limits).result.kind,
    ).toBe('too_large');
  });
});
