import { defineConfig } from 'vitest/config';

const shared = {
  pool: 'forks' as const,
  execArgv: ['--no-node-snapshot'],
  testTimeout: 60_000,
  hookTimeout: 90_000,
};
// These need the real PostgreSQL and Temporal that test/support/servers.ts starts once for all of them.
const onServers = ['test/db/**/*.test.ts', 'test/activities/**/*.test.ts', 'test/api/**/*.test.ts'];
const endToEnd = [
  'test/e2e/**/*.test.ts',
  'test/embedded/**/*.test.ts',
  'test/deploy/containers.test.ts',
];

export default defineConfig({
  test: {
    // One after another: what measures time must not share the cores with what burns them.
    // .ci/run counts the tests of this report.
    reporters: process.env.CI
      ? ['default', ['json', { outputFile: 'node_modules/.cache/sluice/test-report.json' }]]
      : ['default'],
    projects: [
      {
        test: {
          ...shared,
          name: 'unit',
          sequence: { groupOrder: 0 },
          include: ['test/**/*.test.ts'],
          exclude: [...onServers, ...endToEnd],
        },
      },
      {
        test: {
          ...shared,
          name: 'servers',
          sequence: { groupOrder: 1 },
          include: onServers,
          globalSetup: ['test/support/servers.ts'],
        },
      },
      {
        test: {
          ...shared,
          name: 'e2e',
          sequence: { groupOrder: 2 },
          include: endToEnd,
          testTimeout: 120_000,
          fileParallelism: false,
        },
      },
    ],
  },
});
