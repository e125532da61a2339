import { readKeyStanding, type KeyStanding } from '../db/api-keys.ts';
import { clientConfig } from '../db/connect.ts';
import { settleTls } from '../db/tls.ts';
import pg from 'pg';

const WITHIN_MS = 5_000;

/** Asks a database whether it still accepts a key; null where it cannot be asked. */
export async function askKeyStanding(url: string, key: string): Promise<KeyStanding | null> {
  let client: pg.Client | undefined;
  try {
    client = new pg.Client({ ...clientConfig(await settleTls(url)), query_timeout: WITHIN_MS });
    client.on('error', () => {});
    await client.connect();
    return await readKeyStanding(client, key);
  } catch {
    return null;
  } finally {
    await client?.end().catch(() => {});
  }
}

/** Why the key of the first start does not work any more; null where it does, or where nobody knows. */
export function whyKeyFails(standing: KeyStanding | null): string | null {
  if (standing === 'revoked') return 'was revoked or rolled';
  return standing === 'expired' ? 'has expired' : null;
}
