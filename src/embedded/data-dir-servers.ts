import { join, resolve } from 'node:path';
import { recordedServer } from './server-process.ts';

/** The processes of the embedded servers of a data directory as they run now, whoever started them. */
export function embeddedPids(
  dataDir: string,
  embedded: { postgres: boolean; temporal: boolean },
): number[] {
  const files = [
    ...(embedded.postgres ? ['postgres.json'] : []),
    ...(embedded.temporal ? ['temporal.json'] : []),
  ];
  return files.flatMap((file) => recordedServer(join(resolve(dataDir), file)) ?? []);
}
