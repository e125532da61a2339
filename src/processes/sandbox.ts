import { createSandboxPool, type SandboxPool } from '../sandbox/pool.ts';
import type { Foundation } from './foundation.ts';

/** A sandbox whose children are started when the first code is to run. */
export type LazySandbox = Pick<SandboxPool, 'run' | 'standingOf' | 'check' | 'close'>;

export function openSandbox(
  { config, log, sandboxLayers: layers }: Pick<Foundation, 'config' | 'log' | 'sandboxLayers'>,
  { children = config.sandboxChildren }: { children?: number } = {},
): LazySandbox {
  let pool: SandboxPool | undefined;
  const started = () => (pool ??= createSandboxPool({ children, log, layers }));
  return {
    run: (job) => started().run(job),
    standingOf: (version) => pool?.standingOf(version) ?? 'unproven',
    check: (...given) => started().check(...given),
    close: async () => pool?.close(),
  };
}
