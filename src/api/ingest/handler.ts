import type { IncomingMessage, ServerResponse } from 'node:http';
import { DEFAULT_HTTP_METHODS } from '../../domain/schema/source.ts';
import { RejectionCause, RequestKind } from '../../domain/status.ts';
import { BacklogFull } from '../../db/batcher.ts';
import type { Configuration } from '../../db/configuration-cache.ts';
import type { Source } from '../../db/configuration.ts';
import { newId } from '../../db/ids.ts';
import type { NewRequest } from '../../db/requests.ts';
import type { Log } from '../../log.ts';
import { accepted, refusal, unavailable, write, type Answer } from './answer.ts';
import { readBody } from './body.ts';
import { idempotencyKey } from './idempotency.ts';
import type { RequestStore } from './store.ts';
import { isPublish, parsePublishTarget, parseTarget, type Target } from './target.ts';

export type IngestOptions = {
  configuration: Configuration;
  store: RequestStore;
  /** The project of an `Authorization` header, for the Publish API. */
  authenticate: (authorization: string | undefined) => Promise<string | null>;
  maxBodyBytes: number;
  log: Log;
};

/** Takes requests in: reads the raw bytes, stores them durably, and only then answers. */
export function createIngest(options: IngestOptions) {
  return (req: IncomingMessage, res: ServerResponse): void => {
    const receivedAtMs = Date.now();
    answer(options, { req, receivedAtMs }).then(
      (reply) => reply && finish(req, res, reply),
      (error: unknown) => {
        options.log.error({ error }, 'Ingest failed');
        if (!res.headersSent) write(res, unavailable());
      },
    );
  };
}

type Incoming = { req: IncomingMessage; receivedAtMs: number };

async function answer(options: IngestOptions, incoming: Incoming): Promise<Answer | null> {
  const found = await findSource(options, incoming.req);
  if ('status' in found) return found;
  const { source } = found;
  if (source.deleted) {
    return refusal('GONE', `Source ${source.id} was deleted. Remove this URL at the sender.`, {
      data: { deleted: true },
    });
  }
  const read = await readBody(incoming.req, { maxBytes: options.maxBodyBytes });
  if (read.kind === 'aborted') return null;
  const verdict = judge(source, {
    req: incoming.req,
    tooLarge: read.kind === 'too-large',
    options,
  });
  const body = read.kind === 'read' ? read.body : Buffer.alloc(0);
  const request = newRequest(incoming, { ...found, body, cause: verdict.cause });
  return store(options, { request, source, refused: verdict.answer });
}

async function findSource(
  { configuration, authenticate }: IngestOptions,
  req: IncomingMessage,
): Promise<{ source: Source; target: Omit<Target, 'source'>; verified: boolean } | Answer> {
  const url = req.url ?? '/';
  if (!isPublish(url)) {
    const target = parseTarget(url);
    const source = configuration.source(target.source);
    if (source) return { source, target, verified: false };
    return refusal('NOT_FOUND', 'No source has this id or name. Check the URL.', {
      data: { source: target.source },
    });
  }
  const projectId = await authenticate(req.headers.authorization);
  if (projectId === null) {
    return { status: 401, headers: { 'www-authenticate': 'Bearer' }, body: 'Unauthorized' };
  }
  const wanted = publishedSource(req);
  const source = wanted ? configuration.source(wanted) : undefined;
  if (source?.projectId === projectId) {
    return { source, target: parsePublishTarget(url), verified: true };
  }
  return refusal(
    'UNPROCESSABLE_ENTITY',
    'headers.x-sluice-source-id (or x-sluice-source-name) must name a source of this project.',
    { data: ['headers.x-sluice-source-id is required'] },
  );
}

function publishedSource(req: IncomingMessage): string | undefined {
  for (const prefix of ['x-sluice', 'x-hookdeck']) {
    const value = req.headers[`${prefix}-source-id`] ?? req.headers[`${prefix}-source-name`];
    if (typeof value === 'string') return value;
  }
  return undefined;
}

/** Why a request is kept but goes no further, and what its sender is told instead of 200. */
function judge(
  source: Source,
  { req, tooLarge, options }: { req: IncomingMessage; tooLarge: boolean; options: IngestOptions },
): { cause: RejectionCause | null; answer: Answer | null } {
  if (tooLarge) {
    const limit = `${Math.floor(options.maxBodyBytes / 1024 / 1024)} MiB`;
    const answer = refusal('PAYLOAD_TOO_LARGE', `A body may have at most ${limit}.`, {
      headers: { connection: 'close' },
    });
    return { cause: RejectionCause.PayloadTooLarge, answer };
  }
  const allowed: readonly string[] = source.config.allowed_http_methods ?? DEFAULT_HTTP_METHODS;
  if (!allowed.includes(req.method ?? '')) {
    const answer = refusal('METHOD_NOT_ALLOWED', `This source takes ${allowed.join(', ')}.`, {
      headers: { allow: allowed.join(', ') },
    });
    return { cause: RejectionCause.UnsupportedHttpMethod, answer };
  }
  return { cause: source.disabled ? RejectionCause.SourceDisabled : null, answer: null };
}

function newRequest(
  { req, receivedAtMs }: Incoming,
  found: {
    source: Source;
    target: Omit<Target, 'source'>;
    verified: boolean;
    body: Buffer;
    cause: RejectionCause | null;
  },
): NewRequest {
  const headers: [string, string][] = [];
  for (let i = 0; i < req.rawHeaders.length; i += 2) {
    headers.push([req.rawHeaders[i]!, req.rawHeaders[i + 1]!]);
  }
  return {
    id: newId('request', receivedAtMs),
    projectId: found.source.projectId,
    sourceId: found.source.id,
    kind: RequestKind.Event,
    method: req.method ?? 'POST',
    path: found.target.path,
    query: found.target.query,
    headers,
    body: found.body,
    remoteAddress: req.socket.remoteAddress ?? null,
    verified: found.verified,
    rejectionCause: found.cause,
    rejectionDetail: null,
    receivedAtMs,
  };
}

async function store(
  { store: requests, log }: IngestOptions,
  { request, source, refused }: { request: NewRequest; source: Source; refused: Answer | null },
): Promise<Answer> {
  const key = refused ? null : idempotencyKey(source.config.idempotency_key, request);
  try {
    const stored = await requests.add({ request, key });
    return refused ?? accepted(stored.requestId);
  } catch (error) {
    if (!(error instanceof BacklogFull)) log.warn({ error }, 'A request could not be stored');
    return refused ?? unavailable();
  }
}

/** Answers. What is left of a body that was too large is read and thrown away for a while, so that the answer arrives. */
function finish(req: IncomingMessage, res: ServerResponse, reply: Answer): void {
  write(res, reply);
  if (req.complete) return;
  req.resume();
  const timer = setTimeout(() => req.destroy(), 2_000);
  req.once('close', () => clearTimeout(timer));
}
