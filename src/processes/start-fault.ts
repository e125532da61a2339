import { ConfigError } from '../config.ts';
import { StartupError } from '../embedded/errors.ts';

/** What the user can mend is a sentence; anything else is ours to mend, and comes with its place. */
export function sentenceOf(error: unknown): unknown {
  return error instanceof ConfigError || error instanceof StartupError ? error.message : error;
}
