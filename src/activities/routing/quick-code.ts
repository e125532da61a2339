import type { Configuration } from '../../db/configuration-cache.ts';
import type { SandboxPool } from '../../sandbox/pool.ts';
import { transformationsOf } from './compiled-rules.ts';
import { codeVersion } from './transform.ts';

type Dependencies = {
  configuration: Pick<Configuration, 'connectionsOf' | 'transformation'>;
  sandbox: Pick<SandboxPool, 'isQuick'>;
};

/** Whether all code that runs for a source, as it is now, took little time when it was last run. */
export function isQuick({ configuration, sandbox }: Dependencies, sourceId: string): boolean {
  const transformationIds = configuration.connectionsOf(sourceId).flatMap(transformationsOf);
  return transformationIds.every((id) => {
    const transformation = configuration.transformation(id);
    // What is not there is not run.
    return !transformation || sandbox.isQuick(codeVersion(transformation, sourceId));
  });
}
