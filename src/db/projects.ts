import { randomBytes } from 'node:crypto';
import sql, { raw } from 'sql-template-tag';
import { newId } from './ids.ts';
import type { Database, Db } from './pool.ts';
import type { Sealer } from './sealing.ts';

const DEFAULT_NAME = 'default';
// Any constant: two processes that start together must not both make the project.
const PROJECT_LOCK = 7_318_204_513;
// A delivery carries a signature by each.
const MOST_SECRETS = 3;

type SigningSecret = { secret: string; not_after: string | null };
type SealedProject = ProjectRow & { signing_secrets: Buffer };
export type ProjectRow = { id: string; name: string; headers_prefix: string };

/** The installation's own project: made once, with a signing secret of its own, and the same ever after. */
export function ensureDefaultProject(database: Database, sealer: Sealer): Promise<ProjectRow> {
  return database.transaction(async (db) => {
    await db.query(sql`select pg_advisory_xact_lock(${PROJECT_LOCK})`);
    return (await findOldestProject(db)) ?? (await insertProject(db, sealer));
  });
}

/** What a project signs its deliveries with, the newest first, and the prefix of its headers. */
export async function readSigning(
  db: Db,
  { sealer, projectId, nowMs }: { sealer: Sealer; projectId: string; nowMs: number },
): Promise<{ headersPrefix: string; secrets: string[] }> {
  const row = await findProject(db, { projectId, lock: false });
  if (!row) return { headersPrefix: '', secrets: [] };
  const secrets = validSecrets(row, { sealer, nowMs }).map(({ secret }) => secret);
  return { headersPrefix: row.headers_prefix, secrets };
}

/** The signing secrets of a project that are still used, the newest first. */
export async function listSigningSecrets(
  db: Db,
  { sealer, projectId, nowMs }: { sealer: Sealer; projectId: string; nowMs: number },
): Promise<SigningSecret[]> {
  const row = await findProject(db, { projectId, lock: false });
  return row ? validSecrets(row, { sealer, nowMs }) : [];
}

/** Puts a new signing secret before the others, which are used for `oldValidMs` more at most. */
export function rotateSigningSecret(
  database: Database,
  {
    sealer,
    projectId,
    nowMs,
    oldValidMs,
  }: { sealer: Sealer; projectId: string; nowMs: number; oldValidMs: number },
): Promise<SigningSecret[]> {
  return database.transaction(async (db) => {
    const row = await findProject(db, { projectId, lock: true });
    const endsAt = new Date(nowMs + oldValidMs).toISOString();
    const old = row ? validSecrets(row, { sealer, nowMs }) : [];
    const kept = old.slice(0, oldValidMs > 0 ? MOST_SECRETS - 1 : 0).map((one) => ({
      secret: one.secret,
      not_after: one.not_after !== null && one.not_after < endsAt ? one.not_after : endsAt,
    }));
    const secrets = [{ secret: newSecret(), not_after: null }, ...kept];
    const sealed = sealer.seal(secrets, sealingContext(projectId));
    await db.query(
      sql`update projects set signing_secrets = ${sealed}, updated_at = now() where id = ${projectId}`,
    );
    return secrets;
  });
}

async function findProject(
  db: Db,
  { projectId, lock }: { projectId: string; lock: boolean },
): Promise<SealedProject | undefined> {
  const { rows } = await db.query<SealedProject>(
    sql`select * from projects where id = ${projectId} ${raw(lock ? 'for update' : '')}`,
  );
  return rows[0];
}

function validSecrets(
  row: SealedProject,
  { sealer, nowMs }: { sealer: Sealer; nowMs: number },
): SigningSecret[] {
  const secrets = sealer.open(row.signing_secrets, sealingContext(row.id)) as SigningSecret[];
  return secrets.filter(({ not_after: end }) => end === null || new Date(end).getTime() > nowMs);
}

// What was sealed for one row opens in no other.
function sealingContext(projectId: string): string {
  return `${projectId}/projects`;
}

/** 32 random bytes, as Standard Webhooks writes them. */
function newSecret(): string {
  return `whsec_${randomBytes(32).toString('base64')}`;
}

/** A new project with a signing secret of its own. */
async function insertProject(db: Db, sealer: Sealer): Promise<ProjectRow> {
  const id = newId('project');
  const secrets = sealer.seal([{ secret: newSecret(), not_after: null }], sealingContext(id));
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
