import { log, setDefaultSignalHandler } from '@temporalio/workflow';

const REMEMBERED = 10;

/**
 * Warns of signals that are none of these, which Temporal would otherwise keep without a word for a handler that never
 * comes. Returns the names of the latest ones, in a list that grows with them.
 */
export function rememberUnknownSignals(known: readonly { name: string }[]): string[] {
  const names = known.map((signal) => signal.name).join(', ');
  const seen: string[] = [];
  setDefaultSignalHandler((name) => {
    log.warn(`The signal ${name} is unknown here and changes nothing. Known signals: ${names}`, {
      signal: name,
    });
    seen.push(name);
    if (seen.length > REMEMBERED) seen.shift();
  });
  return seen;
}
