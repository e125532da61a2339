import { pino } from 'pino';
import type { Logger } from 'pino';

/** The logger every part is handed; JSON lines on standard output. */
export type Log = Logger;

const secretFields = [
  'authorization',
  'cookie',
  '["set-cookie"]',
  '["x-api-key"]',
  'apiKey',
  'api_key',
  'password',
  'secret',
  'token',
  'encryptionKey',
  'databaseUrl',
];

/** Secrets sit at the top of a log line, inside an object, or among the headers of a request in an object. */
const redactedPaths = secretFields.flatMap((field) => {
  const tail = field.startsWith('[') ? field : `.${field}`;
  return [field, `*${tail}`, `*.*${tail}`];
});

/**
 * Makes the logger of one process, on standard output unless said otherwise. Level names are pino's; fields that carry
 * secrets are replaced before they are written.
 */
export function createLog({
  level,
  name,
  fileDescriptor = 1,
}: {
  level: string;
  name: string;
  fileDescriptor?: 1 | 2;
}): Log {
  const output = pino.destination(fileDescriptor);
  // A terminal that was closed takes no more lines. That must not end the process.
  output.on('error', () => undefined);
  const options = {
    level,
    name,
    serializers: { error: pino.stdSerializers.err },
    redact: { paths: redactedPaths, censor: '[redacted]' },
    timestamp: pino.stdTimeFunctions.isoTime,
  };
  return pino(options, output);
}
