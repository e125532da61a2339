import type { Config } from '../config.ts';
import type { Log } from '../log.ts';
import { createSandboxPool, findSandboxLayers, type SandboxPool } from '../sandbox/pool.ts';

/** A sandbox whose children are started when the first code is to run. */
export type LazySandbox = Pick<SandboxPool, 'run' | 'standingOf' | 'check' | 'close'>;

/** Says at once which walls will be around its children; `serves`, in words, what runs in them. */
export function openSandbox(
  { config, log }: { config: Pick<Config, 'sandboxChildren'>; log: Log },
  { serves, children = config.sandboxChildren }: { serves: string; children?: number },
): LazySandbox {
  const layers = findSandboxLayers();
  const { active, missing } = layers;
  log.info({ serves, layers: active, missing, children }, 'Sandbox layers');
  let pool: SandboxPool | undefined;
  const started = () => (pool ??= createSandboxPool({ children, log, layers }));
  return {
    run: (job) => started().run(job),
    standingOf: (version) => pool?.standingOf(version) ?? 'unproven',
    check: (...given) => started().check(...given),
    close: async () => pool?.close(),
  };
}
