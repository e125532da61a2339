import type { SourcePosition } from './job.ts';

// Code of a quarter of a megabyte has none beyond.
const HIGHEST_PLACE = 999_999;
// A frame as V8 writes it, in a line of its own: `at name (transformation.js:3:7)`, `at transformation.js:3:7`.
const FRAME = /^\s+at (?:.*[\s(])?transformation\.js:(\d{1,6}):(\d{1,6})\)*$/m;

/**
 * Line and column of the topmost frame in the user's own code, both from one; empty when there is none. A stack begins
 * with the error's message, which may quote a payload: what stands in it is no frame.
 */
export function positionInCode({
  message,
  stack,
}: {
  message: string;
  stack: string;
}): SourcePosition {
  const [, line, column] = FRAME.exec(framesOf({ message, stack })) ?? [];
  return line === undefined ? {} : { line: Number(line), column: Number(column) };
}

function framesOf({ message, stack }: { message: string; stack: string }): string {
  // The name may have been changed since; the text behind it is what the stack quotes.
  const text = message.slice(message.indexOf(': ') + 2).replace(/…$/, '');
  const at = text === '' ? -1 : stack.indexOf(text);
  return at < 0 ? stack : stack.slice(at + text.length);
}

/** A place as it may be shown and kept; none where a child forged one. */
export function positionOf(line: unknown, column: unknown): SourcePosition {
  return isPlace(line) && isPlace(column) ? { line, column } : {};
}

function isPlace(value: unknown): value is number {
  return Number.isInteger(value) && Number(value) >= 0 && Number(value) <= HIGHEST_PLACE;
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
