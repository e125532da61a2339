import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach } from 'vitest';
import { createAdmin, type Admin } from './admin.ts';
import { launch, type GatewayProcess } from './gateway-process.ts';
import { removeAtEnd } from './left-behind.ts';
import { lastingPort } from './ports.ts';
import { familyOf, killAll, processesOf } from './processes.ts';
import { until } from './until.ts';

/** A gateway as `npm start` runs it, with the servers it brings along. */
export type Gateway = {
  dataDir: string;
  url(): string;
  apiKey: string;
  admin: Admin;
  process(): GatewayProcess;
  /** Ctrl-C; returns the exit code. */
  stop(): Promise<number | null>;
  /** kill -9 of the gateway and of both its servers, at once. */
  killEverything(): void;
  /** The next start on the same data and port. */
  start(): Promise<void>;
  /** Waits until its API answers: the process that serves it may be the next one. */
  answers(): Promise<void>;
};

const TEST_KEY = 'sk_end_to_end_tests_only';

/** A temporary data directory that goes, with whatever still runs in it, when the file's tests are over. */
export async function temporaryData(): Promise<string> {
  const dataDir = await mkdtemp(join(tmpdir(), 'sluice-e2e-'));
  removeAtEnd(dataDir);
  afterAll(async () => {
    killAll(processesOf(dataDir).map(({ pid }) => pid));
    await rm(dataDir, { recursive: true, force: true, maxRetries: 5 });
  });
  return dataDir;
}

/** Starts `sluice all` on a new data directory, for all tests of the file. */
export async function startGateway(env: Record<string, string> = {}): Promise<Gateway> {
  const dataDir = await temporaryData();
  const port = String(await lastingPort());
  let url = '';
  let current: GatewayProcess;
  const gateway: Gateway = {
    dataDir,
    url: () => url,
    apiKey: TEST_KEY,
    admin: createAdmin({ url: () => url, apiKey: () => TEST_KEY }),
    process: () => current,
    stop: () => current.interrupt(),
    killEverything() {
      const pids = new Set([...familyOf(current.pid), ...processesOf(dataDir).map((p) => p.pid)]);
      killAll([...pids]);
    },
    async start() {
      const settings = { DATA_DIR: dataDir, PORT: port, API_KEY: TEST_KEY, LOG_LEVEL: 'warn' };
      current = launch('all', { ...settings, ...env });
      const [, found] = await current.said(/Admin API +(http:\S+?)\/2026-09-01[^]*Try it:/);
      url = found!;
    },
    async answers() {
      const ready = () =>
        fetch(`${url}/healthz`).then(
          ({ ok }) => ok,
          () => false,
        );
      await until('its API to answer', ready);
    },
  };
  await gateway.start();
  // A test that failed in the middle leaves nothing dead to the next.
  afterEach(async ({ task }) => {
    if (task.result?.state !== 'fail') return;
    if (current.hasEnded()) await gateway.start();
    await gateway.answers();
  });
  return gateway;
}
