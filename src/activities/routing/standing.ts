import type { Configuration } from '../../db/configuration-cache.ts';
import type { Standing } from '../../domain/standing.ts';
import type { SandboxPool } from '../../sandbox/pool.ts';
import { transformationsOf } from './compiled-rules.ts';
import { codeVersion } from './transform.ts';

type Dependencies = {
  configuration: Pick<Configuration, 'connectionsOf' | 'transformation'>;
  sandbox: Pick<SandboxPool, 'standingOf'>;
};

/** The standing of all code that runs for a source, as it is now: that of its worst. */
export function standingOfSource(
  { configuration, sandbox }: Dependencies,
  sourceId: string,
): Standing {
  const transformationIds = configuration.connectionsOf(sourceId).flatMap(transformationsOf);
  const standings = transformationIds.map((id): Standing => {
    const transformation = configuration.transformation(id);
    // What is not there is not run.
    return transformation ? sandbox.standingOf(codeVersion(transformation, sourceId)) : 'quick';
  });
  const has = (standing: Standing) => standings.includes(standing);
  return has('suspect') ? 'suspect' : has('unproven') ? 'unproven' : 'quick';
}
