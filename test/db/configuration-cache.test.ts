import { randomBytes } from 'node:crypto';
import sql from 'sql-template-tag';
import { afterAll, expect, test } from 'vitest';
import { openConfiguration } from '../../src/db/configuration-cache.ts';
import { newId } from '../../src/db/ids.ts';
import type { Database } from '../../src/db/pool.ts';
import { ensureDefaultProject } from '../../src/db/projects.ts';
import { createSealer } from '../../src/db/sealing.ts';
import { testDatabase } from '../support/postgres.ts';
import { until } from '../support/until.ts';

const { url, db, drop } = await testDatabase();
const opened: { close(): Promise<void> }[] = [];
afterAll(async () => {
  for (const configuration of opened) await configuration.close();
  await drop();
});
const sealer = createSealer(randomBytes(32).toString('hex'));
const project = await ensureDefaultProject(db, sealer);
const sourceId = newId('source');
await db.query(sql`
  insert into sources (project_id, id, name, type) values (${project.id}, ${sourceId}, 'shop', 'WEBHOOK')`);

const disable = (database: Database, yes: boolean) =>
  database.query(sql`
    update sources set disabled_at = ${yes ? new Date() : null}, updated_at = now() where id = ${sourceId}`);

/** The database, whose answers about sources come late as long as `hold` is there. */
function slowed(database: Database) {
  const gate: { hold: Promise<void> | null } = { hold: null };
  const slow: Database = {
    ...database,
    async query(statement) {
      const { hold } = gate;
      const answer = await database.query<never>(statement);
      if (hold && statement.text.includes('from sources')) await hold;
      return answer;
    },
  };
  return { slow, gate };
}

test('a read that was overtaken never brings an older state back', async () => {
  const { slow, gate } = slowed(db);
  const configuration = await openConfiguration({ database: slow, url, sealer, onError: () => {} });
  opened.push(configuration);
  const released = Promise.withResolvers<void>();
  gate.hold = released.promise;
  await disable(db, true);
  const older = configuration.refresh();
  gate.hold = null;
  await disable(db, false);
  const newer = configuration.refresh();
  // Time enough for the newer one to come in first, if they ran side by side.
  for (let round = 0; round < 20; round++) await db.query(sql`select 1`);
  released.resolve();
  await Promise.all([older, newer]);
  expect(configuration.source('shop')).toMatchObject({ disabled: false });
});

test('a change by anybody is known within a second, also after the listening session broke', async () => {
  const configuration = await openConfiguration({ database: db, url, sealer, onError: () => {} });
  opened.push(configuration);
  await disable(db, true);
  await until('the change', () => configuration.source('shop')?.disabled, { withinMs: 1_000 });
  await db.query(sql`
    select pg_terminate_backend(pid) from pg_stat_activity where query = 'listen sluice_config'`);
  await disable(db, false);
  const enabled = () => configuration.source('shop')?.disabled === false;
  expect(await until('the next change', enabled, { withinMs: 3_000 })).toBe(true);
});

test('closing says nothing of connections that end meanwhile', async () => {
  const heard: unknown[] = [];
  const configuration = await openConfiguration({
    database: db,
    url: url.replace(/\/[^/]+$/, '/no_such_database'),
    sealer,
    onError: (error) => heard.push(error),
  });
  await configuration.close();
  const told = heard.length;
  const next = await openConfiguration({ database: db, url, sealer, onError: () => {} });
  await next.close();
  expect(heard).toHaveLength(told);
});
