import { spawn } from 'node:child_process';
import { once } from 'node:events';
import type { Config } from '../config.ts';
import { StartupError } from '../embedded/errors.ts';
import { readGatewayRecord } from '../embedded/gateway-record.ts';
import { findTemporalCli } from '../embedded/temporal-cli.ts';
import type { Log } from '../log.ts';

/** Runs the Temporal CLI against the gateway's Temporal server; returns its exit code. */
export async function runTemporalCli(
  config: Config,
  { args, log }: { args: string[]; log: Log },
): Promise<number> {
  const { dataDir, temporalCli: cli } = config;
  const env = config.temporalAddress ? ownServer(config) : await embeddedServer(dataDir);
  const program = await findTemporalCli({ cli, dataDir, log });
  // Ctrl-C reaches the CLI too, and it decides what becomes of it.
  process.on('SIGINT', () => {});
  const child = spawn(program, args, { env, stdio: 'inherit' });
  const [code] = (await once(child, 'exit')) as [number | null];
  return code ?? 1;
}

/** A server of the operator's own may need further settings of the CLI, such as TLS. */
function ownServer({ temporalAddress, temporalNamespace }: Config): NodeJS.ProcessEnv {
  return {
    ...process.env,
    TEMPORAL_ADDRESS: temporalAddress,
    TEMPORAL_NAMESPACE: temporalNamespace,
  };
}

/** The embedded server needs none, and settings for another server would lead away from it. */
async function embeddedServer(dataDir: string): Promise<NodeJS.ProcessEnv> {
  const gateway = await readGatewayRecord(dataDir);
  if (!gateway?.runningPid) {
    throw new StartupError(
      `No gateway runs on ${dataDir}, so there is no Temporal server to ask. Start it with npm start, set DATA_DIR to where it runs, or set TEMPORAL_ADDRESS to a Temporal server of your own.`,
    );
  }
  const others = Object.entries(process.env).filter(([name]) => !name.startsWith('TEMPORAL_'));
  return {
    ...Object.fromEntries(others),
    TEMPORAL_CONFIG_FILE: '/dev/null',
    TEMPORAL_ENV_FILE: '/dev/null',
    TEMPORAL_ADDRESS: gateway.temporal.address,
    TEMPORAL_NAMESPACE: gateway.temporal.namespace,
  };
}
