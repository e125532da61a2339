import { fork } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { StartupError } from '../embedded/errors.ts';
import type { Exit, Running } from '../embedded/keep-running.ts';
import type { Platform } from './platform.ts';
import { within } from './shutdown.ts';

export type PartName = 'api' | 'worker';

/** What a part needs to know that only its parent does; over its channel, for arguments are there for all to see. */
export type Order = {
  platform: Platform;
  /** Where the API listens, or is to listen. */
  port: number;
};
export type ToPart = ({ kind: 'begin' } & Order) | { kind: 'wake' } | { kind: 'stop' };
export type FromPart =
  { kind: 'running'; url: string | null } | { kind: 'failed'; sentence: string } | { kind: 'wake' };

export type RunningPart = Running & { url: string | null };

/** A part of the gateway in a process of its own. */
export type Part = {
  /** Starts it; rejects with what the user can mend. */
  begin(order: Order): Promise<RunningPart>;
  /** Tells its dispatcher that something waits. */
  wake(): void;
  stop(): Promise<void>;
};

const MAIN = fileURLToPath(new URL('../main.ts', import.meta.url));
// As long as the longest part of a shutdown may take (shutdown.ts).
const STOP_MS = 9_800;

/** Starts the process; it loads what it needs, and waits for `begin`. `onWake`: it put something into the outbox. */
export function forkPart(name: PartName, { onWake }: { onWake: () => void }): Part {
  const child = fork(MAIN, ['part', name], { execArgv: process.execArgv.map(withFreePort) });
  const running = Promise.withResolvers<{ url: string | null }>();
  // One that is stopped before it has begun has nobody who waits for it.
  running.promise.catch(() => undefined);
  const ended = new Promise<Exit>((resolve) => {
    child.once('exit', (code, signal) => resolve({ code, signal }));
    child.once('error', () => resolve({ code: null, signal: null }));
  });
  child.on('message', (message: FromPart) => {
    switch (message.kind) {
      case 'running':
        return running.resolve({ url: message.url });
      case 'failed':
        return running.reject(new StartupError(message.sentence));
      case 'wake':
        return onWake();
    }
  });
  const tell = (message: ToPart) => {
    // One that is gone is started again by whoever watches it.
    if (child.connected) child.send(message, () => undefined);
  };

  async function stop(): Promise<void> {
    tell({ kind: 'stop' });
    await within(STOP_MS, ended);
    child.kill('SIGKILL');
    await ended;
  }
  return {
    async begin(order) {
      tell({ kind: 'begin', ...order });
      void ended.then(() =>
        running.reject(new StartupError(`The ${name} process ended before it had started.`)),
      );
      const { url } = await running.promise;
      return { url, ended, stop };
    },
    wake: () => tell({ kind: 'wake' }),
    stop,
  };
}

/** Two processes cannot be debugged on one port. */
function withFreePort(flag: string): string {
  return flag.replace(/^(--inspect(?:-brk|-wait)?)(?:=.*)?$/, '$1=0');
}
