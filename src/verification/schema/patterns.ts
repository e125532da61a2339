import { RE2JS } from 're2js';
import { spend } from './steps.ts';

const LARGEST_PROGRAM = 1_000;

type Pattern = { test(text: string): boolean };

/**
 * Compiles a pattern for matching in linear time. Throws a sentence where it cannot be: a backtracking engine would let
 * the pattern's author or a sender stop the gateway with a few bytes.
 */
export function compilePattern(source: string): Pattern {
  const compiled = read(source);
  const size = compiled.programSize();
  if (size > LARGEST_PROGRAM) {
    throw new Error('is too large a pattern: use fewer or smaller repetitions');
  }
  return {
    test(text) {
      spend(Math.ceil(text.length * (1 + size / 8)));
      return compiled.test(text);
    },
  };
}

function read(source: string): RE2JS {
  try {
    return RE2JS.compile(RE2JS.translateRegExp(source));
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message.replace(/^.*?: /, '') : 'unreadable';
    throw new Error(
      `is no pattern of RE2 (${reason}); lookaround and backreferences are not supported`,
      { cause },
    );
  }
}
