import type { ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { createTrust } from '../../src/api/edge/addresses.ts';
import { createFront } from '../../src/api/edge/front.ts';
import { createHttpServer } from '../../src/api/edge/server.ts';
import type { CodeSandbox } from '../../src/api/code-sandbox.ts';
import type { Commands } from '../../src/api/commands.ts';
import type { ApiDeps } from '../../src/api/deps.ts';
import { createPayloadWriter } from '../../src/api/payload-writer.ts';
import { BASE_PATH, createApi } from '../../src/api/server.ts';
import { ensureFirstKey } from '../../src/db/api-keys.ts';
import { ensureDefaultProject } from '../../src/db/projects.ts';
import { createSealer } from '../../src/db/sealing.ts';
import { testDatabase } from '../support/postgres.ts';
import { createConformance, type OpenApi } from './conformance.ts';

export type Json = Record<string, unknown>;
export type Answer = { status: number; headers: Headers; text: string; body: Json };
export type Options = {
  body?: unknown;
  /** A body as it is to stand on the wire. */
  raw?: string | Uint8Array<ArrayBuffer>;
  headers?: Record<string, string>;
  key?: string;
};
export type Gateway = Awaited<ReturnType<typeof startGateway>>;

export const KEY = 'a-key-of-the-tests';
/** Takes all code for good, and gives back what it was given. */
const CREDULOUS: CodeSandbox = {
  check: async () => ({ kind: 'ok' }),
  async run({ input }) {
    const { request } = JSON.parse(input) as {
      request: { headers: {}; path: string; query: string };
    };
    const { headers, path, query } = request;
    const requests = [{ headers, path, query, body: '', bodyKind: 'empty' as const }];
    return { kind: 'ok', requests, logs: [], logLevel: 'info', durationMs: 1 };
  },
};

export const SEALER = createSealer('a secret of the tests');

/** The real API on a port of its own, over a real database; what it asks of the workflows is written down. */
type Edge = { trustedProxies?: string[]; allowedHosts?: string[] };

export async function startGateway(
  changes: Partial<ApiDeps> = {},
  { trustedProxies = [], allowedHosts = [] }: Edge = {},
) {
  const database = await testDatabase();
  const { db } = database;
  const project = await ensureDefaultProject(db, SEALER);
  await ensureFirstKey(db, { projectId: project.id, key: KEY });
  const heard: [string, unknown][] = [];
  const errors: unknown[] = [];
  const deps: ApiDeps = {
    db,
    sealer: SEALER,
    commands: recorder(heard),
    sandbox: CREDULOUS,
    payloads: createPayloadWriter(),
    log: { info() {}, error: (fields) => errors.push(fields) },
    publicUrl: 'http://gateway.test',
    temporalUiUrl: 'http://temporal.test',
    namespace: 'default',
    sourceTypes: ['ASANA', 'NOTION', 'WEBHOOK', 'HTTP', 'STRIPE'],
    retentionDays: 30,
    validateSourceConfig,
    ready: { postgresql: async () => {}, temporal: async () => {} },
    ...changes,
  };
  const trust = createTrust(trustedProxies);
  const server = createHttpServer({ maxConnections: 1_000, trust, proxyProtocol: false });
  const front = { trust, publicUrl: deps.publicUrl, host: '127.0.0.1', allowedHosts };
  const ingest = (_req: unknown, res: ServerResponse) => void res.writeHead(404).end();
  server.on('request', createFront(front, { api: createApi(deps), ingest }));
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
  const origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const document = (await (await fetch(`${origin}/openapi.json`)).json()) as OpenApi;
  const conformance = createConformance(document);

  async function ask(method: string, path: string, options: Options = {}): Promise<Answer> {
    const { body, raw, headers = {}, key = KEY } = options;
    const content = raw ?? (body === undefined ? undefined : JSON.stringify(body));
    const response = await fetch(`${origin}${BASE_PATH}${path}`, {
      method,
      headers: {
        authorization: `Bearer ${key}`,
        ...(body === undefined ? {} : { 'content-type': 'application/json' }),
        ...headers,
      },
      ...(content === undefined ? {} : { body: content }),
    });
    const text = await response.text();
    const contentType = response.headers.get('content-type');
    const isJson = contentType?.includes('json') ?? false;
    const parsed: unknown = isJson ? JSON.parse(text) : text;
    const { status } = response;
    const fault = conformance.faultOf({
      method,
      path: `${BASE_PATH}${path.split('?')[0]}`,
      status,
      contentType,
      body: parsed,
    });
    if (fault) throw new Error(`${method} ${path}: ${fault}: ${text}`);
    return { status, headers: response.headers, text, body: isJson ? (parsed as Json) : {} };
  }

  return {
    db,
    deps,
    url: database.url,
    projectId: project.id,
    heard,
    errors,
    origin,
    document,
    conformance,
    ask,
    /** The same, for what must succeed. */
    async done(method: string, path: string, body?: unknown): Promise<Json> {
      const answer = await ask(method, path, body === undefined ? {} : { body });
      if (answer.status !== 200) throw new Error(`${method} ${path}: ${answer.text}`);
      return answer.body;
    },
    async close() {
      server.closeAllConnections();
      await new Promise((closed) => server.close(closed));
      await deps.payloads.close();
      await database.drop();
    },
  };
}

/** The models of a page, by one of their fields. */
export function each(page: Json, field: string): unknown[] {
  return (page['models'] as Json[]).map((model) => model[field]);
}

function recorder(heard: [string, unknown][]): Commands {
  const hear = (command: string) => async (order: unknown) => void heard.push([command, order]);
  return {
    retryEvents: hear('retryEvents'),
    cancelEvents: hear('cancelEvents'),
    pause: hear('pause'),
    resume: hear('resume'),
    configurationChanged: () => hear('configurationChanged')(null),
    async replayRequest(order) {
      heard.push(['replayRequest', order]);
      return { requestId: order.requestId, eventIds: [] };
    },
    async retryRequest(order) {
      heard.push(['retryRequest', order]);
      return { requestId: order.requestId, eventIds: [] };
    },
  };
}

function validateSourceConfig(
  type: string,
  config: unknown,
): ReturnType<ApiDeps['validateSourceConfig']> {
  const { auth } = config as { auth?: Json };
  if (type !== 'STRIPE' || auth === undefined || auth['webhook_secret_key']) return { ok: true };
  return { ok: false, errors: [{ path: ['auth', 'webhook_secret_key'], message: 'is required' }] };
}
