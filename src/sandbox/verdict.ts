// What a child's reply, or its death, means for the job it had.
import type { ReplyHead } from './child/protocol.ts';
import type { ChildEnd, ChildReply } from './child-process.ts';
import type { LogLine, TransformResult } from './job.ts';
import { LogLevel } from './job.ts';
import { positionOf } from './position.ts';
import { readReport, userError } from './report.ts';

export type Verdict = {
  readonly result: TransformResult;
  readonly logs: readonly LogLine[];
  readonly logLevel: LogLevel;
  readonly durationMs: number | undefined;
  /** The child is gone, by the doing of this job. */
  readonly costChild: boolean;
  /** Nothing the job did: worth one more try. */
  readonly isFault: boolean;
  /** The child answered but has seen something after which a new one is safer. */
  readonly retireChild: boolean;
};

// What V8 and the allocator do when memory runs out: abort, trap, or touch what was refused.
const OWN_DEATHS = new Set(['SIGABRT', 'SIGTRAP', 'SIGILL']);
// What other processes send: a terminal to the whole group, the system when memory is short.
const FROM_OUTSIDE = new Set(['SIGKILL', 'SIGTERM', 'SIGINT', 'SIGHUP']);
const SHELL_SIGNAL_BASE = 128;
const OWN_DEATH_CODES = new Set([6, 5, 4].map((signal) => SHELL_SIGNAL_BASE + signal));

function fatal(result: TransformResult, flags: Partial<Verdict>): Verdict {
  return {
    result,
    logs: [],
    logLevel: LogLevel.Fatal,
    durationMs: undefined,
    costChild: false,
    isFault: false,
    retireChild: false,
    ...flags,
  };
}

function resultOfEnd({ cause, signal, code }: ChildEnd): TransformResult {
  if (cause === 'overrun') {
    return { kind: 'killed', message: 'The code could not be interrupted at its time limit.' };
  }
  const isOwnDeath = OWN_DEATHS.has(signal ?? '') || OWN_DEATH_CODES.has(code ?? 0);
  if (cause === 'resident' || isOwnDeath) {
    return { kind: 'memory', message: 'The code exceeded its memory limit.' };
  }
  return { kind: 'killed', message: `The process running the code ended (${signal ?? code}).` };
}

function verdictOfEnd(end: ChildEnd): Verdict {
  const byItself = end.cause === 'self' || end.cause === 'retired';
  // A kill from outside or a plain exit says nothing about the code; a crash does.
  const isFault = byItself && (FROM_OUTSIDE.has(end.signal ?? '') || end.code === 0);
  return fatal(resultOfEnd(end), { costChild: true, isFault });
}

function verdictOfReply(head: ReplyHead, report: string, outputBytes: number): Verdict {
  const { durationMs } = head;
  switch (head.verdict) {
    case 'timeout':
      return fatal(
        { kind: 'timeout', message: 'The code did not end within its time limit.' },
        { durationMs, retireChild: true },
      );
    case 'memory':
      return fatal(
        { kind: 'memory', message: 'The code exceeded its memory limit.' },
        { durationMs, retireChild: true },
      );
    case 'thrown':
      return fatal(userError(head.message, head.stack), { durationMs });
    case 'syntax': {
      const { message, line, column } = head;
      const place = positionOf(line, column);
      return fatal(
        { kind: 'rejected_source', message: `SyntaxError: ${message}`, ...place },
        { durationMs },
      );
    }
    case 'report':
      return {
        ...fatal({ kind: 'memory', message: '' }, { durationMs }),
        ...readReport(report, { outputBytes }),
      };
    case 'ready':
      break;
  }
  const message = 'The child answered out of turn.';
  return fatal({ kind: 'killed', message }, { durationMs, retireChild: true });
}

/** What is told of a job that was not run: its version has run out of its time again and again. */
export function refusedUnrun(): Verdict {
  const message =
    'This version was not run: it did not end within its time limit the last times it was, and others wait.';
  return fatal({ kind: 'timeout', message }, { durationMs: 0 });
}

const NONSENSE: TransformResult = {
  kind: 'killed',
  message: 'The process running the code answered with something that cannot be read.',
};

/** Judges the reply to job `id`; a child that answers nonsense is given up, and harms nothing else. */
export function judge(
  reply: ChildReply,
  { id, outputBytes }: { id: number; outputBytes: number },
): Verdict {
  if (reply.kind === 'ended') return verdictOfEnd(reply.end);
  try {
    const { head, report } = reply;
    if (head.id === id && typeof head.durationMs === 'number') {
      return verdictOfReply(head, report, outputBytes);
    }
  } catch {
    // A child whose guest broke out may send anything.
  }
  return fatal(NONSENSE, { costChild: true, retireChild: true });
}
