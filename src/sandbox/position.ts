import type { SourcePosition } from './job.ts';

const FRAME = /^.*transformation\.js:(\d+):(\d+)/m;

/** Line and column of the topmost frame in the user's own code, both from one; empty when there is none. */
export function positionInCode(stack: string): SourcePosition {
  const [, line, column] = FRAME.exec(stack) ?? [];
  return line === undefined ? {} : { line: Number(line), column: Number(column) };
}

/** The stack without our own frames, which tell the user nothing. */
export function userStack(stack: string): string {
  const lines = stack.split('\n');
  const ours = lines.findIndex((line) => /^\s+at .*(?:sluice:|<isolated-vm)/.test(line));
  return lines
    .slice(0, ours < 0 ? lines.length : ours)
    .filter((line) => line.trim() !== 'at eval (<anonymous>)')
    .join('\n');
}
