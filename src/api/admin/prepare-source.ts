import type { SourceRow } from '../../db/sources.ts';
import {
  DEFAULT_HTTP_METHODS,
  type SourceConfig,
  type SourceUpdate,
} from '../../domain/schema/source.ts';
import type { ApiDeps } from '../deps.ts';
import { invalid } from '../errors.ts';
import { mergeConfig } from './merge-config.ts';
import type { Prepare } from './named-content.ts';

const DEFAULT_TYPE = 'WEBHOOK';

/** What a source's row will hold: the changes over what is there, checked as its type demands. */
export function prepareSource(deps: ApiDeps): Prepare<SourceRow, SourceUpdate> {
  return async ({ projectId, id, before, input, root }) => {
    const type = input.type ?? before?.type ?? DEFAULT_TYPE;
    if (!deps.sourceTypes.includes(type)) {
      const message = 'must be one of the source types, such as WEBHOOK, HTTP, STRIPE or GITHUB';
      throw invalid(root, [{ path: ['type'], message }]);
    }
    const isOfAnotherType = before !== null && before.type !== type;
    if (isOfAnotherType && before.auth !== null && input.config?.auth === undefined) {
      // Dropped in silence they would leave a source that takes anything from anybody.
      const message = `the credentials are those of ${before.type}: give the ones of ${type}, or null for none`;
      throw invalid(root, [{ path: ['config', 'auth'], message }]);
    }
    const old = before && !isOfAnotherType ? openConfig(deps, before) : defaults();
    const config = mergeConfig(old, input.config ?? {});
    const verdict = deps.validateSourceConfig(type, config);
    if (!verdict.ok) {
      const problems = verdict.errors.map(({ path, message }) => ({
        path: ['config', ...[path].flat()],
        message,
      }));
      throw invalid(root, problems);
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

/** The credentials of a source, as they were given. */
export function authOfSource(deps: ApiDeps, row: SourceRow): SourceConfig['auth'] {
  if (row.auth === null) return null;
  return deps.sealer.open(row.auth, sealingContext(row.project_id, row.id)) as SourceConfig['auth'];
}

function openConfig(deps: ApiDeps, row: SourceRow): SourceConfig {
  return { ...row.config, auth: authOfSource(deps, row) };
}

function defaults(): SourceConfig {
  return { allowed_http_methods: [...DEFAULT_HTTP_METHODS] };
}

// What was sealed for one row opens in no other.
function sealingContext(projectId: string, id: string): string {
  return `${projectId}/sources/${id}`;
}
