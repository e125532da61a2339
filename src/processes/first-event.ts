import { setTimeout as sleep } from 'node:timers/promises';

/** Where a gateway just started can be reached, and with what key. */
export type Reached = { url: string; apiKey: string };

/** The event that shows a new installation that everything works; `workflowUrl` leads to its audit trail. */
export type FirstEvent = { id: string; status: string; workflowUrl: string | null; tookMs: number };

const NAME = 'demo';
const WITHIN_MS = 20_000;
const API = '/2026-09-01';

/**
 * On a gateway that has no source yet: defines `demo`, a source whose events go to a mock destination, sends it one
 * event as any sender would, and returns that event once it is delivered. Null where there are sources already, and
 * where the gateway cannot be reached from here.
 */
export async function sendFirstEvent(reached: Reached): Promise<FirstEvent | null> {
  // It shows something, and nothing hangs on it: a proxy may be wanted in between, or the key revoked.
  return show(reached).catch(() => null);
}

async function show({ url, apiKey }: Reached): Promise<FirstEvent | null> {
  const headers = { authorization: `Bearer ${apiKey}`, 'content-type': 'application/json' };
  const call = async (method: string, path: string, body?: unknown) => {
    const init = { method, headers, ...(body ? { body: JSON.stringify(body) } : {}) };
    const response = await fetch(`${url}${path}`, init);
    return (await response.json()) as Record<string, never>;
  };
  const { count } = await call('GET', `${API}/sources/count`);
  if (Number(count) > 0) return null;
  await call('POST', `${API}/connections`, {
    name: NAME,
    source: { name: NAME },
    destination: { name: NAME, type: 'MOCK_API', config: {} },
  });
  const beganAt = performance.now();
  const { request_id: requestId } = await call('POST', `/in/${NAME}/orders`, { order: 1 });
  for (;;) {
    const { models = [] } = await call('GET', `${API}/requests/${String(requestId)}/events`);
    const event = (models as { id: string; status: string; workflow_url?: string }[])[0];
    const tookMs = Math.round(performance.now() - beganAt);
    if (event && (event.status === 'SUCCESSFUL' || tookMs > WITHIN_MS)) {
      return {
        id: event.id,
        status: event.status,
        workflowUrl: event.workflow_url ?? null,
        tookMs,
      };
    }
    if (tookMs > WITHIN_MS) return null;
    await sleep(20);
  }
}

/** A command that can be pasted into a shell: sends an event to the demo source. */
export function demoCommand({ url }: Pick<Reached, 'url'>): string {
  return `curl -X POST ${url}/in/${NAME}/orders -H 'content-type: application/json' -d '{"order":2}'`;
}
