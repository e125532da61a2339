// Run before the tests: fetches and makes once what gateways that start at the same time would each get for themselves.
import { tmpdir } from 'node:os';
import { findTemporalCli } from '../../src/embedded/temporal-cli.ts';
import { createLog } from '../../src/log.ts';
import { workflowBundle } from '../../src/temporal/bundle.ts';

await findTemporalCli({ dataDir: tmpdir(), log: createLog({ level: 'info', name: 'test' }) });
await workflowBundle();
