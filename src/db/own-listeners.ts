import sql from 'sql-template-tag';
import type { Db } from './pool.ts';

/** What one process of the gateway listens on, and where: `network` is what its loopback addresses belong to. */
export type ListeningProcess = {
  process: string;
  network: string;
  addresses: string[];
  listeners: { address: string; port: number }[];
};

/** Says what a process listens on, and that it lives. */
export async function saveListening(db: Db, row: ListeningProcess): Promise<void> {
  await db.query(sql`
    insert into own_listeners (process, network, addresses, listeners)
    values (${row.process}, ${row.network}, ${row.addresses}, ${JSON.stringify(row.listeners)}::jsonb)
    on conflict (process) do update set addresses = excluded.addresses, listeners = excluded.listeners, seen_at = now()`);
}

/** What the processes listen on that lived lately. */
export async function listListening(
  db: Db,
  { withinMs }: { withinMs: number },
): Promise<ListeningProcess[]> {
  const { rows } = await db.query<ListeningProcess>({
    name: 'list-listening',
    text: `select process, network, addresses, listeners from own_listeners
           where seen_at > now() - make_interval(secs => $1)`,
    values: [withinMs / 1000],
  });
  return rows;
}

/** Forgets a process, and those that ended without saying so. */
export async function forgetListening(db: Db, process: string): Promise<void> {
  await db.query(sql`
    delete from own_listeners where process = ${process} or seen_at < now() - interval '1 hour'`);
}
