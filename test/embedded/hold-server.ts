// Stands for a gateway in the tests: starts one server, says so on one line, and stays until it is killed.
import { pino } from 'pino';
import { openDataDir } from '../../src/embedded/data-dir.ts';
import { startPostgres } from '../../src/embedded/postgres.ts';
import { startTemporal } from '../../src/embedded/temporal-server.ts';

const [kind, dataDir = '', port] = process.argv.slice(2);
const log = pino({ level: 'silent' });
const common = { dataDir, log, port: Number(port) };

async function start(): Promise<object> {
  if (kind === 'postgres') return startPostgres(common);
  if (kind === 'temporal') return startTemporal({ ...common, namespace: 'default', uiPort: 0 });
  return { ...(await openDataDir(dataDir)), pid: process.pid };
}

console.log(JSON.stringify(await start()));
setInterval(() => {}, 60_000);
