import { until } from './until.ts';

/** Whatever `JSON.parse` makes of an answer: tests say themselves what they expect of it. */
export type Json = ReturnType<typeof JSON.parse>;

/** An answer, read to its end. */
export type Answer = { status: number; headers: Headers; text: string; body: Json };

/** What a connection is made of in a test: one source, one destination, one name for all three. */
export type Definition = {
  name: string;
  url: string;
  rules?: object[];
  source?: object;
  destination?: object;
};
export type Defined = { connectionId: string; sourceId: string; destinationId: string };

/** A gateway as its users reach it. */
export type Admin = ReturnType<typeof createAdmin>;

const API = '/2026-09-01';

/** A client of the admin API and of ingest. `url` is read at each call: a restart may change it. */
export function createAdmin({ url, apiKey }: { url: () => string; apiKey: () => string }) {
  async function call(method: string, path: string, body?: unknown): Promise<Answer> {
    const headers = {
      authorization: `Bearer ${apiKey()}`,
      ...(body === undefined ? {} : { 'content-type': 'application/json' }),
    };
    return exchange(`${url()}${API}${path}`, {
      method,
      headers,
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
  }
  async function done(method: string, path: string, body?: unknown): Promise<Json> {
    const answer = await call(method, path, body);
    if (answer.status !== 200) throw new Error(`${method} ${path}: ${answer.text}`);
    return answer.body;
  }
  const models = async (path: string): Promise<Json[]> => (await done('GET', path))['models']!;
  const eventsOf = (requestId: string) => models(`/requests/${requestId}/events`);
  return {
    call,
    done,
    models,
    eventsOf,
    attemptsOf: (eventId: string) =>
      models(`/attempts?event_id=${eventId}&order_by=created_at&dir=asc`),
    event: (eventId: string) => done('GET', `/events/${eventId}`),
    /** Makes a source, a destination and the connection between them. */
    async define({ name, url: target, rules = [], source, destination }: Definition) {
      const made = await done('PUT', '/connections', {
        name,
        source: { name, ...(source ? { config: source } : {}) },
        destination: { name, type: 'HTTP', config: { url: target, ...destination } },
        rules,
      });
      return {
        connectionId: made['id'] as string,
        sourceId: made['source']!['id'] as string,
        destinationId: made['destination']!['id'] as string,
      } satisfies Defined;
    },
    /** Sends a request as a sender would. */
    post: (source: string, body: string | Uint8Array<ArrayBuffer> = '{}', init: RequestInit = {}) =>
      exchange(`${url()}/in/${source}`, { method: 'POST', body, ...init }),
    /** The one event of a request, as soon as `wanted` holds for it. */
    async eventWhere(
      requestId: string,
      {
        what,
        wanted,
        withinMs,
      }: {
        what: string;
        wanted: (event: Json) => boolean;
        withinMs?: number;
      },
    ): Promise<Json> {
      return until(
        `${requestId} ${what}`,
        async () => (await eventsOf(requestId)).find((event) => wanted(event)),
        { everyMs: 50, ...(withinMs === undefined ? {} : { withinMs }) },
      );
    },
  };
}

async function exchange(url: string, init: RequestInit): Promise<Answer> {
  const response = await fetch(url, init);
  const text = await response.text();
  const isJson = response.headers.get('content-type')?.includes('json') ?? false;
  const body: Json = isJson ? JSON.parse(text) : {};
  return { status: response.status, headers: response.headers, text, body };
}

/** The id a sender was told. */
export function requestIdOf(answer: Answer): string {
  if (answer.status !== 200) throw new Error(`Not acknowledged: ${answer.status} ${answer.text}`);
  return answer.body['request_id'];
}
