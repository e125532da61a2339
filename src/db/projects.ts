import sql from 'sql-template-tag';
import { newId } from './ids.ts';
import type { Database, Db } from './pool.ts';
import type { Sealer } from './sealing.ts';
import { firstSecret } from './signing-secrets.ts';

const DEFAULT_NAME = 'default';
// Any constant: two processes that start together must not both make the project.
const PROJECT_LOCK = 7_318_204_513;

export type ProjectRow = { id: string; name: string; headers_prefix: string };

/** The installation's own project: made once, with a signing secret of its own, and the same ever after. */
export function ensureDefaultProject(database: Database, sealer: Sealer): Promise<ProjectRow> {
  return database.transaction(async (db) => {
    await db.query(sql`select pg_advisory_xact_lock(${PROJECT_LOCK})`);
    return (await findOldestProject(db)) ?? (await insertProject(db, sealer));
  });
}

/** A new project with a signing secret of its own. */
async function insertProject(db: Db, sealer: Sealer): Promise<ProjectRow> {
  const id = newId('project');
  const secrets = firstSecret(sealer, id);
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
