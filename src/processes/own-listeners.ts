import { randomUUID } from 'node:crypto';
import { readFileSync, readlinkSync } from 'node:fs';
import type { Server } from 'node:http';
import { isIP } from 'node:net';
import { hostname, networkInterfaces } from 'node:os';
import {
  forgetListening,
  listListening,
  saveListening,
  type ListeningProcess,
} from '../db/own-listeners.ts';
import { embeddedPids } from '../embedded/data-dir-servers.ts';
import { listenersOf, type Listener } from '../embedded/listening.ts';
import type { Foundation } from './foundation.ts';

const SEEN_EVERY_MS = 10_000;
const LIVES_MS = 35_000;
const EVERYWHERE = new Set(['0.0.0.0', '::']);

/** Says in the database where a server of this process listens, as long as it does. */
export async function announceListener(
  { db, log }: Pick<Foundation, 'db' | 'log'>,
  server: Server,
): Promise<{ close(): Promise<void> }> {
  const process = randomUUID();
  const bound = server.address();
  const listeners =
    typeof bound === 'object' && bound ? [{ address: bound.address, port: bound.port }] : [];
  const save = () =>
    saveListening(db, { process, network: ownNetwork(), addresses: ownAddresses(), listeners });
  await save();
  const timer = setInterval(() => {
    save().catch((error: unknown) =>
      log.warn({ error }, 'Could not record where this process listens'),
    );
  }, SEEN_EVERY_MS);
  timer.unref();
  return {
    async close() {
      clearInterval(timer);
      await forgetListening(db, process).catch(() => undefined);
    },
  };
}

/**
 * Where the gateway's own processes listen, and the servers they brought along, as of now: a server that is started again
 * has other ports, and opens more than it was told to.
 */
export function ownListeners({
  config,
  platform,
  db,
  log,
}: Pick<Foundation, 'config' | 'platform' | 'db' | 'log'>): () => Promise<Listener[]> {
  const network = ownNetwork();
  let told: ListeningProcess[] = [];
  return async () => {
    const pids = [process.pid, ...embeddedPids(config.dataDir, platform.embedded)];
    const [found, rows] = await Promise.all([
      listenersOf(pids),
      listListening(db, { withinMs: LIVES_MS }).catch((error: unknown) => {
        log.warn({ error }, 'Could not read where other processes listen');
        return told;
      }),
    ]);
    told = rows;
    return [...found, ...rows.flatMap((row) => asSeenFrom(network, row))];
  };
}

/** A process in another network is there at its addresses, and not at its loopback. */
function asSeenFrom(network: string, row: ListeningProcess): Listener[] {
  if (row.network === network) return row.listeners;
  return row.listeners.flatMap(({ address, port }) => {
    if (EVERYWHERE.has(address)) return row.addresses.map((other) => ({ address: other, port }));
    return row.addresses.includes(address) ? [{ address, port }] : [];
  });
}

function ownAddresses(): string[] {
  const interfaces = Object.values(networkInterfaces()).flatMap((list) => list ?? []);
  return interfaces.filter((one) => !one.internal && isIP(one.address)).map((one) => one.address);
}

/** What loopback means here: processes of one machine may live in networks of their own. */
function ownNetwork(): string {
  try {
    const machine = readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim();
    return `${machine} ${readlinkSync('/proc/self/ns/net')}`;
  } catch {
    return hostname();
  }
}
