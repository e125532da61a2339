import { HEADER_PREFIX, isForbiddenHeader, isWebhookHeader } from './header-names.ts';

type Headers = Readonly<Record<string, string>>;
type Logs<Level> = {
  logs: readonly { type: 'debug' | 'log' | 'info' | 'warn' | 'error'; message: string }[];
  logLevel: Level;
};
type Run<Level> = Logs<Level> & { requests: readonly { headers: Headers }[] };

/**
 * The log of a run, with a warning for each header that code set and that deliveries do not carry under this name.
 * `given` are the headers the code was given: what it left alone is not worth a word.
 */
export function withHeaderNotes<Level extends string>(
  { requests, logs, logLevel }: Run<Level>,
  given: Headers,
): Logs<Level | 'warn'> {
  const notes = new Map<string, string>();
  for (const { headers } of requests) {
    for (const [name, value] of Object.entries(headers)) {
      const lower = name.toLowerCase();
      const note = noteOn(lower);
      if (note !== null && given[lower] !== value) notes.set(lower, note);
    }
  }
  if (notes.size === 0) return { logs, logLevel };
  const lines = [...notes].map(([name, note]) => ({
    type: 'warn' as const,
    message: `The header ${name} ${note}`,
  }));
  return { logs: [...logs, ...lines], logLevel: logLevel === 'error' ? logLevel : 'warn' };
}

function noteOn(name: string): string | null {
  if (name === 'content-length') return null;
  if (isForbiddenHeader(name) || name === 'accept-encoding') {
    return 'is not delivered as set here: Sluice writes it itself.';
  }
  if (name.startsWith(`${HEADER_PREFIX}-`)) {
    return `is not delivered: names that begin with ${HEADER_PREFIX}- are reserved. Choose another name.`;
  }
  if (isWebhookHeader(name)) {
    return `is delivered as ${HEADER_PREFIX}-original-${name}, unless webhook_headers of the connection is pass_through.`;
  }
  return null;
}
