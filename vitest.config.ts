import { defineConfig } from 'vitest/config';

const shared = { pool: 'forks' as const, execArgv: ['--no-node-snapshot'], testTimeout: 30_000 };

export default defineConfig({
  test: {
    reporters: ['default'],
    projects: [
      {
        test: {
          ...shared,
          name: 'unit',
          include: ['test/**/*.test.ts'],
          exclude: ['test/db/**', 'test/activities/**', 'test/api/**', 'test/e2e/**'],
          maxWorkers: 2,
        },
      },
    ],
  },
});
