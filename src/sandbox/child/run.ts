// One event in one cell. Nothing but strings goes in or out, both calls into the guest have a time
// limit, and whatever is caught is taken for a value the guest made.
import type ivm from 'isolated-vm';
import type { Cell } from './cell.ts';
import type { JobHead, ReplyHead } from './protocol.ts';

export type Job = {
  readonly head: JobHead;
  readonly code: string;
  readonly input: string;
  readonly env: string;
  /** What the prelude may keep and return, as JSON. */
  readonly limits: string;
};
export type Reply = { readonly head: ReplyHead; readonly report: string };

type Caught = { readonly message: string; readonly stack: string };

function caughtText(caught: unknown): Caught {
  if (!(caught instanceof Error)) return { message: String(caught), stack: '' };
  return { message: `${caught.name}: ${caught.message}`, stack: String(caught.stack) };
}

// V8 says where a script does not parse only to its embedder, so the code is parsed again; parsing
// runs nothing of it.
function syntaxError(
  isolate: ivm.Isolate,
  code: string,
): Omit<ReplyHead & { verdict: 'syntax' }, 'id' | 'durationMs'> | undefined {
  try {
    isolate.compileScriptSync(code, { filename: 'transformation.js' }).release();
    return undefined;
  } catch (error) {
    const { message } = caughtText(error);
    const [, text = message, line, column] =
      /^(?:SyntaxError: )?(.*) \[transformation\.js:(\d+):(\d+)\]$/s.exec(message) ?? [];
    return {
      verdict: 'syntax',
      message: text,
      line: line === undefined ? null : Number(line),
      column: column === undefined ? null : Number(column),
    };
  }
}

/** Runs a job; a guest that cannot be stopped keeps this from returning, and the pool kills the child. */
export function runJob(cell: Cell, { head, code, input, env, limits }: Job): Reply {
  const startedAt = performance.now();
  const elapsedMs = (): number => performance.now() - startedAt;
  const reply = (rest: Omit<ReplyHead, 'id' | 'durationMs'>, report = ''): Reply => ({
    head: { id: head.id, durationMs: elapsedMs(), ...rest } as ReplyHead,
    report,
  });
  try {
    const phase = head.hasUnusualNumbers ? 'start-written' : 'start';
    cell.entry.applySync(undefined, [phase, code, input, env, limits], {
      timeout: head.timeoutMs,
    });
    const left = Math.max(1, Math.ceil(head.timeoutMs - elapsedMs()));
    const report = cell.entry.applySync(undefined, ['finish', '', '', '', ''], { timeout: left });
    const mayNotParse = report.startsWith('{"kind":"user_error","message":"SyntaxError');
    const syntax = mayNotParse ? syntaxError(cell.isolate, code) : undefined;
    return syntax === undefined ? reply({ verdict: 'report' }, report) : reply(syntax);
  } catch (error) {
    // Order matters: a disposed isolate also reports a timeout at times, and an error's text is the
    // guest's to choose, so it decides last.
    if (cell.isolate.isDisposed) return reply({ verdict: 'memory' });
    const { message, stack } = caughtText(error);
    const timedOut = elapsedMs() >= head.timeoutMs * 0.9 && message.includes('timed out');
    if (timedOut) return reply({ verdict: 'timeout' });
    return reply({
      verdict: 'thrown',
      message: message.slice(0, 8_192),
      stack: stack.slice(0, 8_192),
    } as Omit<ReplyHead, 'id' | 'durationMs'>);
  }
}
