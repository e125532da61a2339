import { randomBytes } from 'node:crypto';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { startPostgres, type EmbeddedPostgres } from '../../src/embedded/postgres.ts';
import { processStamp } from '../../src/embedded/process-stamp.ts';
import { startTemporal, type EmbeddedTemporal } from '../../src/embedded/temporal-server.ts';
import { createLog } from '../../src/log.ts';
import { SEARCH_ATTRIBUTES } from '../../src/workflows/search-attributes.ts';
import { afterAll, afterEach } from 'vitest';
import { createAdmin, type Admin } from './admin.ts';
import { temporaryData } from './gateway.ts';
import { launch, type GatewayProcess } from './gateway-process.ts';
import { lastingPort } from './ports.ts';
import { familyOf, killAll } from './processes.ts';

/** A part of a gateway that can be killed and started again alone. */
export type Part = {
  pid(): number;
  isUp(): boolean;
  output(): string;
  /** kill -9, of its children as well. */
  kill(): Promise<void>;
  /** In order, as a supervisor does it; returns the exit code of a process of ours. */
  stop(): Promise<unknown>;
  start(): Promise<void>;
};

/** A gateway as it runs in production: every part a process (or a server) of its own. */
export type SplitGateway = {
  url(): string;
  apiKey: string;
  admin: Admin;
  databaseUrl: string;
  encryptionKey: string;
  temporalAddress: string;
  api: Part;
  worker: Part;
  postgres: Part;
  temporal: Part & {
    /** kill -9, and all it had is gone; the next start finds nothing. */
    lose(): Promise<void>;
  };
  /** A further process of the same installation, with what is peculiar to it. */
  add(
    command: 'api' | 'worker',
    env?: Record<string, string>,
  ): Promise<Part & { url(): string; admin: Admin }>;
};

const API_KEY = 'sk_end_to_end_tests_only';
const log = createLog({ level: 'silent', name: 'test' });

/** Starts PostgreSQL, Temporal, one api and one worker, for all tests of the file. */
export async function startSplitGateway(env: Record<string, string> = {}): Promise<SplitGateway> {
  const folder = await temporaryData();
  const stops: (() => Promise<unknown>)[] = [];
  afterAll(() => Promise.all(stops.map((stop) => stop())));
  const servers = await Promise.all([postgresPart(folder), temporalPart(folder)]);
  const [postgres, temporal] = servers;
  stops.push(postgres.stop, temporal.stop);
  const shared = {
    DATABASE_URL: postgres.url(),
    TEMPORAL_ADDRESS: temporal.address(),
    API_KEY,
    ENCRYPTION_KEY: randomBytes(32).toString('hex'),
    EGRESS_ALLOW_CIDRS: '127.0.0.0/8',
    LOG_LEVEL: 'info',
    ...env,
  };
  let count = 0;
  const add = async (command: 'api' | 'worker', more: Record<string, string> = {}) => {
    const part = processPart(command, {
      ...shared,
      ...more,
      DATA_DIR: join(folder, `${command}${count++}`),
      PORT: String(await lastingPort()),
    });
    stops.unshift(part.kill);
    await part.start();
    return { ...part, admin: createAdmin({ url: part.url, apiKey: () => API_KEY }) };
  };
  // One after the other: both would migrate.
  const api = await add('api');
  const worker = await add('worker');
  // A test that failed in the middle leaves nothing dead to the next.
  afterEach(async ({ task }) => {
    if (task.result?.state !== 'fail') return;
    for (const part of [postgres, temporal, api, worker]) if (!part.isUp()) await part.start();
  });
  return {
    url: api.url,
    apiKey: API_KEY,
    admin: api.admin,
    databaseUrl: shared.DATABASE_URL,
    encryptionKey: shared.ENCRYPTION_KEY,
    temporalAddress: shared.TEMPORAL_ADDRESS,
    api,
    worker,
    postgres,
    temporal,
    add,
  };
}

const STARTED = /"url":"(http:[^"]+)"[^\n]*The API is running|The worker is running/;

function processPart(command: 'api' | 'worker', env: Record<string, string>) {
  let current: GatewayProcess | undefined;
  let url = '';
  let before = '';
  return {
    url: () => url,
    pid: () => current?.pid ?? -1,
    isUp: () => current?.hasEnded() === false,
    output: () => before + (current?.output() ?? ''),
    async start() {
      before += current?.output() ?? '';
      current = launch(command, env);
      const [, found] = await current.said(STARTED);
      if (found) url = found;
    },
    kill: async () => current?.kill(),
    stop: async () => current?.interrupt(),
  };
}

async function postgresPart(folder: string) {
  const port = await lastingPort();
  let server: EmbeddedPostgres | undefined;
  const start = async () => {
    // The other parts know a server by its port.
    const dataDir = join(folder, 'postgres-server');
    server = await startPostgres({ dataDir, log, port, isFixed: true });
  };
  await start();
  return { ...serverPart(() => server!, start), url: () => server!.url };
}

async function temporalPart(folder: string) {
  const [port, uiPort] = [await lastingPort(), await lastingPort()];
  let server: EmbeddedTemporal | undefined;
  const start = async () => {
    server = await startTemporal({
      dataDir: join(folder, 'temporal-server'),
      namespace: 'default',
      port,
      uiPort,
      isFixed: true,
      log,
      searchAttributes: SEARCH_ATTRIBUTES,
    });
  };
  await start();
  const part = serverPart(() => server!, start);
  return {
    ...part,
    address: () => server!.address,
    async lose() {
      await part.kill();
      await rm(join(folder, 'temporal-server'), { recursive: true, force: true });
    },
  };
}

function serverPart(
  server: () => { pid: number; stop(): Promise<void> },
  start: () => Promise<void>,
): Part {
  return {
    pid: () => server().pid,
    isUp: () => processStamp(server().pid) !== undefined,
    output: () => '',
    start,
    stop: () => server().stop(),
    async kill() {
      killAll(familyOf(server().pid));
      await server().stop();
    },
  };
}
