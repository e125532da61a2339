import { randomBytes } from 'node:crypto';
import sql, { raw } from 'sql-template-tag';
import { rotatedSecrets, type SigningSecret, validSecrets } from '../domain/signing-secrets.ts';
import type { Database, Db } from './pool.ts';
import type { Sealer } from './sealing.ts';

type Now = { sealer: Sealer; nowMs: number };
type OfProject = Now & { projectId: string };
type OfDestination = OfProject & { id: string };
type ProjectSecrets = { id: string; headers_prefix: string; signing_secrets: Buffer };
type DestinationSecrets = { id: string; project_id: string; signing_secrets: Buffer | null };

/** The prefix of a project's headers, and the secrets its destinations share, the newest first. */
export async function readSigning(
  db: Db,
  { projectId, ...now }: OfProject,
): Promise<{ headersPrefix: string; shared: SigningSecret[] }> {
  const row = await findProject(db, { projectId, lock: false });
  if (!row) return { headersPrefix: '', shared: [] };
  return { headersPrefix: row.headers_prefix, shared: validOfProject(row, now) };
}

/** The secrets that the destinations of a project share, the newest first. */
export async function listSigningSecrets(db: Db, of: OfProject): Promise<SigningSecret[]> {
  return (await readSigning(db, of)).shared;
}

/** The secrets of a destination that are still used, the newest first; null while it uses the shared ones. */
export function ownSecrets(
  row: DestinationSecrets,
  { sealer, nowMs }: Now,
): SigningSecret[] | null {
  const secrets = openDestinationSecrets(row, sealer);
  return secrets && validSecrets(secrets, nowMs);
}

/** All secrets of a destination, also those that have ended; null while it uses the shared ones. */
export function openDestinationSecrets(
  row: DestinationSecrets,
  sealer: Sealer,
): SigningSecret[] | null {
  if (row.signing_secrets === null) return null;
  return sealer.open(row.signing_secrets, destinationContext(row)) as SigningSecret[];
}

/** All secrets that the destinations of a project share, also those that have ended. */
export function openProjectSecrets(row: ProjectSecrets, sealer: Sealer): SigningSecret[] {
  return sealer.open(row.signing_secrets, projectContext(row.id)) as SigningSecret[];
}

/** A first secret for a project that is being made, sealed. */
export function firstSecret(sealer: Sealer, projectId: string): Buffer {
  return sealer.seal([{ secret: newSecret(), not_after: null }], projectContext(projectId));
}

/** Gives a destination that was just made a secret of its own. */
export async function giveOwnSecret(
  db: Db,
  { sealer, projectId, id }: { sealer: Sealer; projectId: string; id: string },
): Promise<void> {
  const secrets: SigningSecret[] = [{ secret: newSecret(), not_after: null }];
  await saveDestination(db, { sealer, projectId, id, secrets });
}

/** Rotates the secrets that destinations share; those of before are used for `oldValidMs` more at most. */
export function rotateSigningSecret(
  database: Database,
  { oldValidMs, projectId, ...now }: OfProject & { oldValidMs: number },
): Promise<SigningSecret[]> {
  return database.transaction(async (db) => {
    const row = await findProject(db, { projectId, lock: true });
    const before = row ? validOfProject(row, now) : [];
    const secrets = rotated(before, { ...now, oldValidMs });
    const sealed = now.sealer.seal(secrets, projectContext(projectId));
    await db.query(
      sql`update projects set signing_secrets = ${sealed}, updated_at = now() where id = ${projectId}`,
    );
    return secrets;
  });
}

/**
 * Rotates the secrets of a destination, which must exist. One that used the shared secrets gets its own; it goes on
 * using the shared ones beside it for `oldValidMs`.
 */
export function rotateDestinationSecret(
  database: Database,
  { oldValidMs, projectId, id, ...now }: OfDestination & { oldValidMs: number },
): Promise<SigningSecret[]> {
  return database.transaction(async (db) => {
    const { rows } = await db.query<DestinationSecrets>(
      sql`select id, project_id, signing_secrets from destinations where id = ${id} for update`,
    );
    const own = rows[0] ? ownSecrets(rows[0], now) : null;
    const before = own ?? (await listSigningSecrets(db, { ...now, projectId }));
    const secrets = rotated(before, { ...now, oldValidMs });
    await saveDestination(db, { sealer: now.sealer, projectId, id, secrets });
    return secrets;
  });
}

function rotated(
  before: SigningSecret[],
  { nowMs, oldValidMs }: { nowMs: number; oldValidMs: number },
): SigningSecret[] {
  return rotatedSecrets(before, { secret: newSecret(), nowMs, oldValidMs });
}

async function saveDestination(
  db: Db,
  {
    sealer,
    projectId,
    id,
    secrets,
  }: { sealer: Sealer; projectId: string; id: string; secrets: SigningSecret[] },
): Promise<void> {
  const sealed = sealer.seal(secrets, destinationContext({ project_id: projectId, id }));
  await db.query(
    sql`update destinations set signing_secrets = ${sealed}, updated_at = now() where id = ${id}`,
  );
}

async function findProject(
  db: Db,
  { projectId, lock }: { projectId: string; lock: boolean },
): Promise<ProjectSecrets | undefined> {
  const { rows } = await db.query<ProjectSecrets>(
    sql`select id, headers_prefix, signing_secrets from projects
        where id = ${projectId} ${raw(lock ? 'for update' : '')}`,
  );
  return rows[0];
}

function validOfProject(row: ProjectSecrets, { sealer, nowMs }: Now): SigningSecret[] {
  return validSecrets(openProjectSecrets(row, sealer), nowMs);
}

// What was sealed for one row opens in no other.
function projectContext(projectId: string): string {
  return `${projectId}/projects`;
}

function destinationContext({ project_id: projectId, id }: { project_id: string; id: string }) {
  return `${projectId}/destinations/${id}/signing_secrets`;
}

/** 32 random bytes, as Standard Webhooks writes them. */
function newSecret(): string {
  return `whsec_${randomBytes(32).toString('base64')}`;
}
