import { readFile, rename, writeFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { z } from 'zod';
import { isRunning, ownIdentity } from './process-stamp.ts';

const recordSchema = z.object({
  process: z.object({ pid: z.int(), stamp: z.string() }),
  /** Whether the API key came from the environment, which keeps it out of the data directory. */
  keyIsGiven: z.boolean(),
  temporal: z.object({ address: z.string(), namespace: z.string() }),
});

/** What commands beside a gateway need to know about it. */
export type GatewayRecord = Omit<z.infer<typeof recordSchema>, 'process'>;

/** The latest gateway of a data directory, and its process where it still runs. */
export type LatestGateway = GatewayRecord & { runningPid: number | null };

/** Leaves word of this gateway in its data directory. It stays there when the gateway ends. */
export async function writeGatewayRecord(dataDir: string, record: GatewayRecord): Promise<void> {
  const file = fileIn(dataDir);
  const draft = `${file}.${process.pid}`;
  await writeFile(draft, JSON.stringify({ process: ownIdentity(), ...record }), { mode: 0o600 });
  await rename(draft, file);
}

/** The latest gateway of a data directory; null where none has left word. */
export async function readGatewayRecord(dataDir: string): Promise<LatestGateway | null> {
  try {
    const text = await readFile(fileIn(dataDir), 'utf8');
    const { process: owner, ...record } = recordSchema.parse(JSON.parse(text));
    return { ...record, runningPid: isRunning(owner) ? owner.pid : null };
  } catch {
    return null;
  }
}

function fileIn(dataDir: string): string {
  return join(resolve(dataDir), 'gateway.json');
}
