import { enableCompileCache } from 'node:module';
import { fileURLToPath } from 'node:url';

// What Node has compiled once it need not compile again: each process starts in half the time and with 20 MB less. Read
// by those this one starts, too; where nothing can be written, everything goes on without.
process.env['NODE_COMPILE_CACHE'] ??= fileURLToPath(
  new URL('../node_modules/.cache/sluice/compiled/', import.meta.url),
);
enableCompileCache(process.env['NODE_COMPILE_CACHE']);
// Under `node --watch` each thread would report what it reads, and Temporal's SDK takes that for messages of its own.
// `npm run dev` watches the folder.
delete process.env['WATCH_REPORT_DEPENDENCIES'];

const { runCommand } = await import('./processes/command.ts');
await runCommand(process.argv.slice(2), process.env);
