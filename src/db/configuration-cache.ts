import {
  listenForChanges,
  readConfiguration,
  type ConfigurationRow,
  type Connection,
  type Destination,
  type Project,
  type Source,
  type Transformation,
} from './configuration.ts';
import type { Database } from './pool.ts';
import type { Sealer } from './sealing.ts';

/** The configuration as this process knows it: never older than about a second, whoever changed it. */
export type Configuration = {
  project(id: string): Project | undefined;
  /** A source by id, or else by name; a deleted one by its name only as long as no other has it. */
  source(idOrName: string): Source | undefined;
  destination(id: string): Destination | undefined;
  connection(id: string): Connection | undefined;
  transformation(id: string): Transformation | undefined;
  /** The sources on whose connections user code runs. */
  sourcesWithCode(): string[];
  /** The connections of a source that are not deleted, in order of id. */
  connectionsOf(sourceId: string): Connection[];
  /** Reads now what changed, for a caller that just changed something itself. */
  refresh(): Promise<void>;
  close(): Promise<void>;
};

type Options = {
  database: Database;
  url: string;
  sealer: Sealer;
  onError: (error: unknown) => void;
};

const POLL_MS = 1_000;
// A transaction may commit later than the time it wrote: look back further than any configuration change takes.
const LOOK_BACK_MS = 60_000;

/** Loads the configuration and keeps it fresh: by notification at once, and by a poll where a notification was lost. */
export async function openConfiguration(options: Options): Promise<Configuration> {
  const { database, sealer } = options;
  const store = createStore();
  let closed = false;
  // One after the other: of two reads under way at once, the older one may come in last.
  let last: Promise<unknown> = Promise.resolve();
  const read = (what: { sinceMs: number | null; ids?: string[] }): Promise<void> => {
    const next = last.then(async () =>
      store.apply(await readConfiguration(database, { sealer, ...what })),
    );
    last = next.catch(() => {});
    return next;
  };
  const onError = (error: unknown) => {
    if (!closed) options.onError(error);
  };
  // What is heard of while a read is under way is read together, however much it is.
  let heard = new Set<string>();
  const hear = (id: string): void => {
    const isFirst = heard.size === 0;
    heard.add(id);
    if (!isFirst) return;
    const readHeard = () => {
      const ids = [...heard];
      heard = new Set();
      return read({ sinceMs: null, ids });
    };
    void last.then(readHeard).catch(onError);
  };
  let awaited: Promise<void> | undefined;
  const refresh = (): Promise<void> => {
    awaited ??= last.then(() => {
      awaited = undefined;
      return read({ sinceMs: LOOK_BACK_MS });
    });
    return awaited;
  };
  await read({ sinceMs: null });
  const listener = keepListening(
    { ...options, onError },
    {
      onChange: hear,
      // Nobody knows how long it heard nothing: read everything.
      onConnect: () => void read({ sinceMs: null }).catch(onError),
    },
  );
  let polling = false;
  const poll = setInterval(() => {
    if (polling || listener.alive()) return;
    polling = true;
    refresh()
      .catch(onError)
      .finally(() => (polling = false));
  }, POLL_MS);
  const sweep = setInterval(() => void refresh().catch(onError), LOOK_BACK_MS / 2);
  return {
    ...store.read,
    refresh,
    async close() {
      closed = true;
      clearInterval(poll);
      clearInterval(sweep);
      await listener.close();
    },
  };
}

function keepListening(
  { url, onError }: Options,
  { onChange, onConnect }: { onChange: (id: string) => void; onConnect: () => void },
) {
  let current: { close(): Promise<void> } | undefined;
  let closed = false;
  let timer: NodeJS.Timeout | undefined;

  function connect(): void {
    listenForChanges(url, { onChange: ({ id }) => onChange(id), onEnd: reconnect }).then(
      (listener) => {
        current = listener;
        if (closed) void listener.close();
        else onConnect();
      },
      (error: unknown) => {
        onError(error);
        reconnect();
      },
    );
  }
  function reconnect(): void {
    current = undefined;
    clearTimeout(timer);
    if (!closed) timer = setTimeout(connect, POLL_MS);
  }

  connect();
  return {
    alive: () => current !== undefined,
    async close() {
      closed = true;
      clearTimeout(timer);
      await current?.close();
    },
  };
}

function createStore() {
  const projects = new Map<string, Project>();
  const sources = new Map<string, Source>();
  const destinations = new Map<string, Destination>();
  const connections = new Map<string, Connection>();
  const transformations = new Map<string, Transformation>();
  let sourceIdByName = new Map<string, string>();
  let connectionsBySource = new Map<string, Connection[]>();
  let withCode: string[] = [];

  function apply(rows: ConfigurationRow[]): void {
    for (const row of rows) {
      if (row.table === 'projects') projects.set(row.value.id, row.value);
      else if (row.table === 'sources') sources.set(row.value.id, row.value);
      else if (row.table === 'destinations') destinations.set(row.value.id, row.value);
      else if (row.table === 'connections') connections.set(row.value.id, row.value);
      else transformations.set(row.value.id, row.value);
    }
    if (rows.some((row) => row.table === 'sources')) sourceIdByName = nameIndex();
    if (rows.some((row) => row.table === 'connections')) {
      connectionsBySource = sourceIndex();
      withCode = [...connectionsBySource].filter(hasCode).map(([sourceId]) => sourceId);
    }
  }
  function nameIndex(): Map<string, string> {
    // The last one set wins: one that is there before one that was deleted, and of two projects' the older one's.
    const byRank = [...sources.values()].toSorted(
      (a, b) => Number(b.deleted) - Number(a.deleted) || (a.id < b.id ? 1 : -1),
    );
    return new Map(byRank.map((source) => [source.name, source.id]));
  }
  function sourceIndex(): Map<string, Connection[]> {
    const live = [...connections.values()].filter((connection) => !connection.deleted);
    return Map.groupBy(
      live.toSorted((a, b) => (a.id < b.id ? -1 : 1)),
      (connection) => connection.sourceId,
    );
  }

  return {
    apply,
    read: {
      project: (id: string) => projects.get(id),
      source: (idOrName: string) =>
        sources.get(idOrName) ?? sources.get(sourceIdByName.get(idOrName) ?? ''),
      destination: (id: string) => destinations.get(id),
      connection: (id: string) => connections.get(id),
      transformation: (id: string) => transformations.get(id),
      sourcesWithCode: () => withCode,
      connectionsOf: (sourceId: string) => connectionsBySource.get(sourceId) ?? [],
    },
  };
}

function hasCode([, connections]: [string, Connection[]]): boolean {
  return connections.some((connection) =>
    connection.rules.some((rule) => rule.type === 'transform'),
  );
}
