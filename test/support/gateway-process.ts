import { spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { until } from './until.ts';

/** One process of a gateway, in a process group of its own as a terminal gives it. */
export type GatewayProcess = {
  pid: number;
  /** All it printed so far, both streams. */
  output(): string;
  /** Its exit code, once it has ended; null where a signal ended it. */
  ended: Promise<number | null>;
  hasEnded(): boolean;
  /** Waits until it has printed something; fails at once when it ends without having done so. */
  said(what: RegExp, options?: { withinMs?: number }): Promise<RegExpExecArray>;
  /** Ctrl-C: the terminal sends the signal to the whole group. Returns the exit code. */
  interrupt(): Promise<number | null>;
  /** The terminal is closed: the whole group is told. Returns the exit code. */
  hangUp(): Promise<number | null>;
  kill(): Promise<void>;
};

const MAIN = fileURLToPath(new URL('../../src/main.ts', import.meta.url));

/** Starts `node src/main.ts <command>`; the environment is what is given, PATH and HOME, and nothing else. */
export function launch(command: string, env: Record<string, string>): GatewayProcess {
  return launchCommand([process.execPath, MAIN, command], env);
}

/** Starts any command as a terminal would. */
export function launchCommand(
  [program = '', ...args]: string[],
  env: Record<string, string>,
  cwd?: string,
): GatewayProcess {
  const { PATH = '', HOME = '' } = process.env;
  const child = spawn(program, args, {
    env: { PATH, HOME, ...env },
    detached: true,
    stdio: ['ignore', 'pipe', 'pipe'],
    ...(cwd === undefined ? {} : { cwd }),
  });
  let output = '';
  let over = false;
  child.stdout.on('data', (chunk: Buffer) => (output += chunk.toString()));
  child.stderr.on('data', (chunk: Buffer) => (output += chunk.toString()));
  const ended = new Promise<number | null>((resolve) => {
    child.once('error', (error) => (output += error.message));
    child.once('exit', (code) => {
      over = true;
      resolve(code);
    });
  });
  const pid = child.pid ?? -1;
  const signal = (name: NodeJS.Signals) => {
    if (!over) process.kill(-pid, name);
    return ended;
  };
  return {
    pid,
    output: () => output,
    ended,
    hasEnded: () => over,
    async said(what, options) {
      const look = () => {
        const found = what.exec(output);
        if (!found && over) throw new Error(`It ended without ${String(what)}:\n${output}`);
        return found;
      };
      return until(`output ${String(what)}`, look, options);
    },
    interrupt: () => signal('SIGINT'),
    hangUp: () => signal('SIGHUP'),
    async kill() {
      await signal('SIGKILL');
    },
  };
}
