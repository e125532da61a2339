import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TestProject } from 'vitest/node';
import { launch } from './gateway-process.ts';
import { removeAtEnd } from './left-behind.ts';
import { lastingPort } from './ports.ts';

declare module 'vitest' {
  export interface ProvidedContext {
    sharedGateway: { url: string; apiKey: string };
  }
}

const API_KEY = 'sk_end_to_end_tests_only';

/** One gateway with its embedded servers for all files under test/e2e/shared/, as `npm start` runs it. */
export async function setup(project: TestProject): Promise<() => Promise<void>> {
  const dataDir = await mkdtemp(join(tmpdir(), 'sluice-shared-'));
  removeAtEnd(dataDir);
  const gateway = launch('all', {
    DATA_DIR: dataDir,
    PORT: String(await lastingPort()),
    API_KEY,
    LOG_LEVEL: 'warn',
  });
  const [, url] = await gateway.said(/Admin API +(http:\S+?)\/2026-09-01[^]*Try it:/);
  project.provide('sharedGateway', { url: url!, apiKey: API_KEY });
  return async () => {
    await gateway.interrupt();
    await rm(dataDir, { recursive: true, force: true, maxRetries: 5 });
  };
}
