import type { DestinationRow } from '../../db/destinations.ts';
import {
  type DestinationConfig,
  type DestinationUpdate,
  presentConfig,
  problemsOfConfig,
} from '../../domain/schema/destination.ts';
import { problemsOfHeaderName } from '../../domain/schema/destination-auth.ts';
import type { Problem } from '../../domain/schema/problem.ts';
import { DestinationType } from '../../domain/status.ts';
import type { ApiDeps } from '../deps.ts';
import { invalid } from '../errors.ts';
import { mergeConfig } from './merge-config.ts';
import type { Prepare } from './named-content.ts';

/** What a destination's row will hold: the changes over what is there, checked as its type demands. */
export function prepareDestination(deps: ApiDeps): Prepare<DestinationRow, DestinationUpdate> {
  return async ({ projectId, id, before, input, root }) => {
    const type = input.type ?? (before?.type as DestinationType) ?? DestinationType.Http;
    const old: DestinationConfig = before?.type === type ? openConfig(deps, before) : {};
    const config = mergeConfig(old, presentConfig(input.config ?? {}));
    const problems = problemsOfConfig(type, config);
    problems.push(...newProblems(problemsOfHeaderName(config), problemsOfHeaderName(old)));
    if (input.config?.url !== undefined) problems.push(...(await problemsOfUrl(deps, config)));
    if (problems.length > 0) {
      throw invalid(
        root,
        problems.map(({ path, message }) => ({ path: ['config', ...path], message })),
      );
    }
    const { auth, ...open } = config;
    return {
      name: input.name ?? before!.name,
      description:
        input.description === undefined ? (before?.description ?? null) : input.description,
      type,
      config: open,
      auth: auth ? deps.sealer.seal(auth, sealingContext(projectId, id)) : null,
    };
  };
}

/** The credentials of a destination, as they were given. */
export function authOfDestination(deps: ApiDeps, row: DestinationRow): DestinationConfig['auth'] {
  if (row.auth === null) return null;
  const context = sealingContext(row.project_id, row.id);
  return deps.sealer.open(row.auth, context) as DestinationConfig['auth'];
}

/** A header name that was saved before it became reserved may stay. */
function newProblems(problems: Problem[], old: Problem[]): Problem[] {
  return problems.filter(({ message }) => !old.some((known) => known.message === message));
}

function openConfig(deps: ApiDeps, row: DestinationRow): DestinationConfig {
  return { ...row.config, auth: authOfDestination(deps, row) };
}

async function problemsOfUrl(deps: ApiDeps, { url }: DestinationConfig): Promise<Problem[]> {
  const reason = url === undefined ? null : await deps.checkUrl?.(url);
  return reason ? [{ path: ['url'], message: asClause(reason) }] : [];
}

/** A sentence, to stand behind the name of a field. */
function asClause(sentence: string): string {
  return `is refused: ${sentence[0]?.toLowerCase()}${sentence.slice(1).replace(/\.$/, '')}`;
}

// What was sealed for one row opens in no other.
function sealingContext(projectId: string, id: string): string {
  return `${projectId}/destinations/${id}`;
}
