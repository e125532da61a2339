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
  { args, env, log }: { args: string[]; env: NodeJS.ProcessEnv; log: Log },
): Promise<number> {
  const { dataDir, temporalCli: cli } = config;
  const settings = config.temporalAddress
    ? { ...env, ...ownServer(config) }
    : { ...withoutTemporal(env), ...(await embeddedServer(dataDir)) };
  const program = await findTemporalCli({ cli, dataDir, log });
  // Ctrl-C reaches the CLI too, and it decides what becomes of it.
  process.on('SIGINT', () => {});
  const child = spawn(program, args, { env: settings, stdio: 'inherit' });
  const [code] = (await once(child, 'exit')) as [number | null];
  return code ?? 1;
}

/** A server of the operator's own may need further settings of the CLI, such as TLS: they stay as they are. */
function ownServer({ temporalAddress, temporalNamespace }: Config): NodeJS.ProcessEnv {
  return { TEMPORAL_ADDRESS: temporalAddress, TEMPORAL_NAMESPACE: temporalNamespace };
}

/** The CLI's settings for another server, such as TLS, would fail with the embedded one. */
function withoutTemporal(env: NodeJS.ProcessEnv): NodeJS.ProcessEnv {
  const others = Object.entries(env).filter(([name]) => !name.startsWith('TEMPORAL_'));
  return Object.fromEntries(others);
}

async function embeddedServer(dataDir: string): Promise<NodeJS.ProcessEnv> {
  const gateway = await readGatewayRecord(dataDir);
  if (!gateway?.runningPid) {
    throw new StartupError(
      `No gateway runs on ${dataDir}, so there is no Temporal server to ask. Start it with npm start, set DATA_DIR to where it runs, or set TEMPORAL_ADDRESS to a Temporal server of your own.`,
    );
  }
  return {
    TEMPORAL_CONFIG_FILE: '/dev/null',
    TEMPORAL_ENV_FILE: '/dev/null',
    TEMPORAL_ADDRESS: gateway.temporal.address,
    TEMPORAL_NAMESPACE: gateway.temporal.namespace,
  };
}
