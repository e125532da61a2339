import { describe, expect, it } from 'vitest';
import type { ReplyHead } from '../../src/sandbox/child/protocol.ts';
import type { ChildEnd } from '../../src/sandbox/child-process.ts';
import { judge } from '../../src/sandbox/verdict.ts';

const expected = { id: 7, outputBytes: 1_000 };

function ended(end: Partial<ChildEnd>) {
  const all = { cause: 'self' as const, signal: null, code: null, stderr: '', ...end };
  return judge({ kind: 'ended', end: all }, expected);
}

describe('the death of a child', () => {
  it.each([
    ['killed by us for time', { cause: 'overrun', signal: 'SIGKILL' }, 'killed', false],
    ['killed by us for memory', { cause: 'resident', signal: 'SIGKILL' }, 'memory', false],
    ['aborted by V8', { signal: 'SIGABRT' }, 'memory', false],
    ['aborted, told as a code', { code: 134 }, 'memory', false],
    ['crashed', { signal: 'SIGSEGV' }, 'killed', false],
    ['killed by someone else', { signal: 'SIGKILL' }, 'killed', true],
    ['interrupted with its whole group, by Ctrl-C', { signal: 'SIGINT' }, 'killed', true],
    ['told with its whole group that the terminal is closed', { signal: 'SIGHUP' }, 'killed', true],
  ] as const)('%s', (_, end, kind, isFault) => {
    expect(ended(end)).toMatchObject({ result: { kind }, isFault, costChild: true });
  });
});

describe('a child that answers nonsense is given up', () => {
  it.each([
    ['another job', { id: 6, durationMs: 1, verdict: 'report' }],
    ['no duration', { id: 7, verdict: 'timeout' }],
    ['nothing', null],
    ['an error without a text', { id: 7, durationMs: 1, verdict: 'thrown', message: 1, stack: 2 }],
    ['an unknown verdict', { id: 7, durationMs: 1, verdict: 'paid' }],
  ])('%s', (_, head) => {
    const reply = { kind: 'reply' as const, head: head as unknown as ReplyHead, report: '' };
    expect(judge(reply, expected)).toMatchObject({ result: { kind: 'killed' }, retireChild: true });
  });
});
