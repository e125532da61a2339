import type { Config } from '../config.ts';
import type { Log } from '../log.ts';
import { createSandboxPool, type SandboxPool } from '../sandbox/pool.ts';

/** A sandbox whose children are started when the first code is to run. */
export type LazySandbox = Pick<SandboxPool, 'run' | 'isQuick' | 'check' | 'close'>;

export function openSandbox(
  { config, log }: { config: Pick<Config, 'sandboxChildren'>; log: Log },
  { children = config.sandboxChildren }: { children?: number } = {},
): LazySandbox {
  let pool: SandboxPool | undefined;
  const started = () => (pool ??= createSandboxPool({ children, log }));
  return {
    run: (job) => started().run(job),
    isQuick: (version) => pool?.isQuick(version) ?? false,
    check: (...given) => started().check(...given),
    close: async () => pool?.close(),
  };
}
