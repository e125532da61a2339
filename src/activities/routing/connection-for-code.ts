import type { Configuration } from '../../db/configuration-cache.ts';
import type { Connection } from '../../db/configuration.ts';

/** A connection as user code sees it in `context.connection`: what the API shows of it, without any secret. */
export function connectionForCode(configuration: Configuration, connection: Connection): object {
  const source = configuration.source(connection.sourceId);
  const destination = configuration.destination(connection.destinationId);
  const common = { team_id: connection.projectId };
  return {
    ...common,
    id: connection.id,
    name: connection.name,
    full_name: source ? `${source.name} -> ${connection.name ?? destination?.name}` : null,
    source: source && { ...common, id: source.id, name: source.name, type: source.type },
    destination: destination && {
      ...common,
      id: destination.id,
      name: destination.name,
      type: destination.type,
      config: destination.config,
    },
    rules: connection.rules,
  };
}
