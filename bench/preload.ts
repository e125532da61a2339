import { Client } from 'pg';
import { eventId, newId } from '../src/db/ids.ts';
import { Fault } from './fault.ts';
import type { Lane } from './lane.ts';
import { preloadStatements } from './preload-statements.ts';
import type { Stage } from './stage.ts';

const CHUNK = 100_000;
const TABLES = 'requests, request_data, events, attempts';
const DAY_MS = 86_400_000;

/** Fills the tables with as many finished requests, events and attempts of this lane as the options ask for. */
export async function preload(stage: Stage, lane: Lane): Promise<void> {
  const { preload: total, bodyBytes } = stage.options;
  const [target] = lane.targets;
  if (total === 0 || !target) return;
  const { databaseUrl } = stage.gateway;
  if (databaseUrl === null) throw new Fault('The database to preload could not be found.');
  const client = new Client({ connectionString: databaseUrl });
  await client.connect();
  try {
    // Rows of a benchmark need not survive a crash, and autovacuum must not wake up in the measurement.
    await client.query('set synchronous_commit = off');
    const someId = newId('request');
    const nowMs = Date.now();
    const statements = preloadStatements({
      sourceId: lane.sourceId,
      connectionId: target.connectionId,
      destinationId: target.destinationId,
      eventSuffix: eventId(someId, target.connectionId).slice(someId.length),
      fromMs: nowMs - (nowMs % DAY_MS),
      toMs: nowMs - 1_000,
      total,
      bodyBytes,
    });
    for (let from = 0; from < total; from += CHUNK) {
      const to = Math.min(total, from + CHUNK);
      await client.query(statements.chunk(from, to));
      for (const insert of statements.inserts) await client.query(insert);
      await client.query(statements.forget);
      stage.say(`Preloaded ${to} of ${total}`);
    }
    await client.query(`vacuum analyze ${TABLES}`);
    await client.query('checkpoint');
  } finally {
    await client.end();
  }
}
