/** One request as user code is given it; see docs/transformations.md. */
export type CodeRequest = {
  headers: Record<string, string>;
  body: unknown;
  query: string;
  parsed_query: Record<string, unknown>;
  path: string;
};

type End = { id: string; name: string; type: string };

/** The JSON text a handler is called with: the request, and the connection it came by. */
export function codeInput(request: CodeRequest, connection: object | null): string {
  return JSON.stringify({ request, context: { connection } });
}

/** A connection as user code sees it in `context.connection`: what the API shows of it, without any secret. */
export function connectionForCode({
  connection,
  source,
  destination,
}: {
  connection: { id: string; projectId: string; name: string | null; rules: unknown };
  source: End | undefined;
  destination: (End & { config: unknown }) | undefined;
}): object {
  const common = { team_id: connection.projectId };
  const named = source && connection.name !== null;
  return {
    ...common,
    id: connection.id,
    name: connection.name,
    full_name: named ? `${source.name} -> ${connection.name}` : null,
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
