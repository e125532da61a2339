import { randomBytes } from 'node:crypto';
import sql from 'sql-template-tag';
import { newId } from './ids.ts';
import type { Database, Db } from './pool.ts';
import type { Sealer } from './sealing.ts';

const DEFAULT_NAME = 'default';
// Any constant: two processes that start together must not both make the project.
const PROJECT_LOCK = 7_318_204_513;

type SigningSecret = { secret: string; not_after: string | null };
export type ProjectRow = { id: string; name: string; headers_prefix: string };

/** The installation's own project: made once, with a signing secret of its own, and the same ever after. */
export function ensureDefaultProject(database: Database, sealer: Sealer): Promise<ProjectRow> {
  return database.transaction(async (db) => {
    await db.query(sql`select pg_advisory_xact_lock(${PROJECT_LOCK})`);
    return (await findOldestProject(db)) ?? (await insertProject(db, sealer));
  });
}

/** What a project signs its deliveries with, the newest first: those that are still valid at `nowMs`. */
export async function readSigning(
  db: Db,
  { sealer, projectId, nowMs }: { sealer: Sealer; projectId: string; nowMs: number },
): Promise<{ headersPrefix: string; secrets: string[] }> {
  const { rows } = await db.query<ProjectRow & { signing_secrets: Buffer }>(
    sql`select * from projects where id = ${projectId}`,
  );
  const [row] = rows;
  if (!row) return { headersPrefix: '', secrets: [] };
  const sealed = sealer.open(row.signing_secrets, `${row.id}/projects`) as SigningSecret[];
  const valid = sealed.filter(
    ({ not_after: end }) => end === null || new Date(end).getTime() > nowMs,
  );
  return { headersPrefix: row.headers_prefix, secrets: valid.map(({ secret }) => secret) };
}

/** A new project with a new signing secret: `whsec_` and 32 random bytes in base64 (Standard Webhooks). */
async function insertProject(db: Db, sealer: Sealer): Promise<ProjectRow> {
  const id = newId('project');
  const secret = `whsec_${randomBytes(32).toString('base64')}`;
  const secrets = sealer.seal([{ secret, not_after: null }], `${id}/projects`);
  const { rows } = await db.query<ProjectRow>(
    sql`insert into projects (id, name, signing_secrets) values (${id}, ${DEFAULT_NAME}, ${secrets})
        returning id, name, headers_prefix`,
  );
  return rows[0]!;
}

async function findOldestProject(db: Db): Promise<ProjectRow | null> {
  const { rows } = await db.query<ProjectRow>(
    sql`select id, name, headers_prefix from projects order by id limit 1`,
  );
  return rows[0] ?? null;
}
