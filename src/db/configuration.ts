import sql from 'sql-template-tag';
import type { Ordering } from '../domain/lane.ts';
import type { DestinationConfig } from '../domain/schema/destination.ts';
import type { Rule } from '../domain/schema/rule.ts';
import type { SourceConfig } from '../domain/schema/source.ts';
import type { Isolation } from '../domain/schema/transformation.ts';
import type { SigningSecret } from '../domain/signing-secrets.ts';
import type { WebhookHeaders } from '../domain/status.ts';
import { openSession } from './connect.ts';
import type { Db } from './pool.ts';
import type { Sealer } from './sealing.ts';
import { openDestinationSecrets, openProjectSecrets } from './signing-secrets.ts';

/** What the hot paths know of a project, a source, a destination, a connection: kept in memory, refreshed within a second. */
export type Project = {
  id: string;
  name: string;
  headersPrefix: string;
  /** For destinations that have none of their own. */
  signingSecrets: SigningSecret[];
};
export type Source = {
  id: string;
  projectId: string;
  name: string;
  type: string;
  config: SourceConfig;
  auth: unknown;
  /** Until when a provider's handshake may hand over the secret, by the database's clock. */
  setupUntilMs: number | null;
  disabled: boolean;
  deleted: boolean;
};
export type Destination = {
  id: string;
  projectId: string;
  name: string;
  type: string;
  config: DestinationConfig;
  auth: unknown;
  /** Null: the project's. */
  signingSecrets: SigningSecret[] | null;
  paused: boolean;
  epoch: number;
  disabled: boolean;
  deleted: boolean;
  /** Until when the receiver at its URL wants nothing; null where it never said so. */
  heldUntilMs: number | null;
};
export type Connection = {
  id: string;
  projectId: string;
  name: string | null;
  sourceId: string;
  destinationId: string;
  rules: Rule[];
  ordering: Ordering | null;
  webhookHeaders: WebhookHeaders;
  paused: boolean;
  disabled: boolean;
  deleted: boolean;
  version: string;
};

export type Transformation = {
  id: string;
  projectId: string;
  name: string;
  code: string;
  env: Record<string, string>;
  isolation: Isolation;
  version: number;
  deleted: boolean;
};

/** The tables that are kept in memory, with how a row becomes a value. */
export type ConfigurationRow =
  | { table: 'projects'; value: Project }
  | { table: 'sources'; value: Source }
  | { table: 'destinations'; value: Destination }
  | { table: 'connections'; value: Connection }
  | { table: 'transformations'; value: Transformation };

/** Reads what changed in the last `sinceMs` (everything when it is null), or the rows that `ids` name. */
export async function readConfiguration(
  db: Db,
  { sealer, sinceMs, ids }: { sealer: Sealer; sinceMs: number | null; ids?: string[] },
): Promise<ConfigurationRow[]> {
  const where = ids
    ? sql`where id = any(${ids})`
    : sinceMs === null
      ? sql``
      : sql`where updated_at > now() - make_interval(secs => ${sinceMs / 1000})`;
  const [projects, sources, destinations, connections, transformations] = await Promise.all([
    db.query<Record<string, never>>(sql`select * from projects ${where}`),
    db.query<Record<string, never>>(sql`select * from sources ${where}`),
    db.query<Record<string, never>>(sql`select * from destinations ${where}`),
    db.query<Record<string, never>>(sql`select * from connections ${where}`),
    db.query<Record<string, never>>(sql`select * from transformations ${where}`),
  ]);
  return [
    ...projects.rows.map((row) => ({ table: 'projects' as const, value: project(row, sealer) })),
    ...sources.rows.map((row) => ({ table: 'sources' as const, value: source(row, sealer) })),
    ...destinations.rows.map((row) => ({
      table: 'destinations' as const,
      value: destination(row, sealer),
    })),
    ...connections.rows.map((row) => ({ table: 'connections' as const, value: connection(row) })),
    ...transformations.rows.map((row) => ({
      table: 'transformations' as const,
      value: transformation(row, sealer),
    })),
  ];
}

/** Hears of every configuration change, whichever process made it; `onEnd` when the session broke. */
export async function listenForChanges(
  url: string,
  {
    onChange,
    onEnd,
  }: { onChange: (change: { table: string; id: string }) => void; onEnd: () => void },
): Promise<{ close(): Promise<void> }> {
  return openSession(url, {
    async begin(client) {
      client.on('notification', ({ payload = '' }) => {
        const [table = '', id = ''] = payload.split(':');
        onChange({ table, id });
      });
      await client.query('listen sluice_config');
    },
    onEnd,
  });
}

type Row = {
  id: string;
  project_id: string;
  name: string;
  type: string;
  config: never;
  auth: Buffer | null;
  setup_until: Date | null;
  paused_at: Date | null;
  disabled_at: Date | null;
  deleted_at: Date | null;
  updated_at: Date;
  epoch: number;
  held_until: Date | null;
  held_url: string | null;
  source_id: string;
  destination_id: string;
  rules: Rule[];
  ordering: Ordering | null;
  webhook_headers: WebhookHeaders;
  headers_prefix: string;
  signing_secrets: Buffer;
  code: string;
  env: Buffer;
  isolation: Isolation;
  version: number;
};

function project(record: unknown, sealer: Sealer): Project {
  const row = record as Row;
  return {
    id: row.id,
    name: row.name,
    headersPrefix: row.headers_prefix,
    signingSecrets: openProjectSecrets(row, sealer),
  };
}

function source(record: unknown, sealer: Sealer): Source {
  const row = record as Row;
  return {
    id: row.id,
    projectId: row.project_id,
    name: row.name,
    type: row.type,
    config: row.config,
    auth: row.auth && sealer.open(row.auth, `${row.project_id}/sources/${row.id}`),
    setupUntilMs: row.setup_until?.getTime() ?? null,
    disabled: row.disabled_at !== null,
    deleted: row.deleted_at !== null,
  };
}

function destination(record: unknown, sealer: Sealer): Destination {
  const row = record as Row;
  return {
    id: row.id,
    projectId: row.project_id,
    name: row.name,
    type: row.type,
    config: row.config,
    auth: row.auth && sealer.open(row.auth, `${row.project_id}/destinations/${row.id}`),
    signingSecrets: openDestinationSecrets(row, sealer),
    paused: row.paused_at !== null,
    epoch: row.epoch,
    disabled: row.disabled_at !== null,
    deleted: row.deleted_at !== null,
    heldUntilMs: heldUntilMs(row),
  };
}

function heldUntilMs({ held_until: until, held_url: url, config }: Row): number | null {
  const { url: own } = config as { url?: string };
  return until !== null && url === own ? until.getTime() : null;
}

function connection(record: unknown): Connection {
  const row = record as Row;
  return {
    id: row.id,
    projectId: row.project_id,
    name: row.name,
    sourceId: row.source_id,
    destinationId: row.destination_id,
    rules: row.rules,
    ordering: row.ordering,
    webhookHeaders: row.webhook_headers,
    paused: row.paused_at !== null,
    disabled: row.disabled_at !== null,
    deleted: row.deleted_at !== null,
    version: row.updated_at.toISOString(),
  };
}

function transformation(record: unknown, sealer: Sealer): Transformation {
  const row = record as Row;
  return {
    id: row.id,
    projectId: row.project_id,
    name: row.name,
    code: row.code,
    env: sealer.open(row.env, `${row.project_id}/transformations/${row.id}`) as Record<
      string,
      string
    >,
    isolation: row.isolation,
    version: row.version,
    deleted: row.deleted_at !== null,
  };
}
