import { availableParallelism } from 'node:os';
import { defineConfig } from 'vitest/config';

// Most files wait for servers most of the time: more of them run side by side than there are cores.
const sideBySide = Math.min(availableParallelism() + 2, 6);

const shared = {
  pool: 'forks' as const,
  execArgv: ['--no-node-snapshot'],
  // For a machine that is slow and has other things to do; what is awaited in a test has its own limits.
  testTimeout: 300_000,
  hookTimeout: 300_000,
  maxWorkers: sideBySide,
};

// What measures time must not share the cores with what burns them: such files run alone, after all others.
const timed = ['test/**/*.timed.test.ts'];
// These need the real PostgreSQL and Temporal that test/support/servers.ts starts once for all of them.
const onServers = ['test/db/**/*.test.ts', 'test/activities/**/*.test.ts', 'test/api/**/*.test.ts'];
// These use the gateway that test/support/start-shared-gateway.ts starts once, and leave it running.
const onSharedGateway = ['test/e2e/shared/**/*.test.ts'];
// These start nothing and change nothing outside of themselves: a process that has loaded the code goes on with the next file.
const pure = ['test/domain/**/*.test.ts', 'test/verification/**/*.test.ts'];
// These bring servers of their own, and may kill them.
const endToEnd = [
  'test/e2e/**/*.test.ts',
  'test/embedded/**/*.test.ts',
  'test/deploy/containers.test.ts',
];

export default defineConfig({
  test: {
    // .ci/run counts the tests of this report.
    reporters: process.env.CI
      ? ['default', ['json', { outputFile: 'node_modules/.cache/sluice/test-report.json' }]]
      : ['default'],
    // Of those that run together, the projects begin in the order of their names: first what takes long.
    projects: [
      {
        test: {
          ...shared,
          name: 'e2e',
          include: endToEnd,
          exclude: [...onSharedGateway, ...timed],
        },
      },
      {
        test: {
          ...shared,
          name: 'servers',
          include: onServers,
          globalSetup: ['test/support/servers.ts'],
        },
      },
      {
        test: {
          ...shared,
          name: 'shared',
          include: onSharedGateway,
          globalSetup: ['test/support/start-shared-gateway.ts'],
        },
      },
      {
        test: {
          ...shared,
          name: 'unit',
          include: ['test/**/*.test.ts'],
          exclude: [...onServers, ...onSharedGateway, ...endToEnd, ...pure, ...timed],
        },
      },
      { test: { ...shared, name: 'pure', include: pure, exclude: timed, isolate: false } },
      {
        test: {
          ...shared,
          name: 'timed',
          sequence: { groupOrder: 1 },
          include: timed,
          fileParallelism: false,
          env: { SLUICE_TESTS_ALONE: 'yes' },
        },
      },
    ],
  },
});
