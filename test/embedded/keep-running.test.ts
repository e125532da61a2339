import { join } from 'node:path';
import { pino } from 'pino';
import { expect, onTestFinished, test } from 'vitest';
import { keepRunning } from '../../src/embedded/keep-running.ts';
import { launchServer } from '../../src/embedded/server-process.ts';
import { until } from '../support/until.ts';
import { temporaryFolder } from './support.ts';

test.each([
  ['a signal', 'exec sleep 600', { code: null, signal: 'SIGKILL' }],
  ['an exit code', 'exit 3', { code: 3, signal: null }],
])('the log says how a server ended: by %s', async (_how, script, exit) => {
  const folder = await temporaryFolder();
  const lines: Record<string, unknown>[] = [];
  const log = pino({}, { write: (line: string) => void lines.push(JSON.parse(line)) });
  const pids: number[] = [];
  const { stop } = await keepRunning('The test server', {
    start(before) {
      const server = launchServer({
        command: 'sh',
        // What takes the place of the first one stays.
        args: ['-c', before ? 'exec sleep 600' : script],
        cwd: folder,
        env: { PATH: process.env['PATH'] ?? '' },
        logFile: join(folder, 'server.log'),
        recordFile: join(folder, 'server.json'),
        stopPlan: [{ signal: 'SIGKILL', graceMs: 5_000 }],
      });
      pids.push(server.pid);
      return Promise.resolve(server);
    },
    log,
  });
  onTestFinished(stop);
  if (exit.signal) process.kill(pids[0]!, exit.signal);
  const said = await until('the log', () => lines.find(({ level }) => level === 50));
  expect(said).toMatchObject({
    ...exit,
    msg: 'The test server ended unexpectedly. Starting it again',
  });
  await until('it runs again', () => lines.some(({ msg }) => msg === 'The test server runs again'));
  expect(pids).toHaveLength(2);
});
