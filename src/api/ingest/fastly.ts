import { createHash } from 'node:crypto';
import { RequestKind } from '../../domain/status.ts';
import { gateOf } from '../../verification/source-gate.ts';
import { refusal, type Answer } from './answer.ts';
import { arrive } from './arrival.ts';
import type { Incoming, IngestOptions } from './options.ts';

const ANY_SERVICE = '*';

/**
 * Fastly asks at the root of the domain, whatever the source's own address is, and reads a line for each service that
 * may log here. The question is kept with the oldest source of the type.
 */
export async function answerFastly(options: IngestOptions, incoming: Incoming): Promise<Answer> {
  const { method } = incoming.req;
  if (method !== 'GET' && method !== 'HEAD') {
    const headers = { allow: 'GET, HEAD' };
    return refusal('METHOD_NOT_ALLOWED', 'Fastly asks with GET.', { headers });
  }
  const ids = await options.sourcesOfType('FASTLY');
  const sources = ids.flatMap((id) => options.configuration.source(id) ?? []);
  const [first] = sources;
  if (!first) return refusal('NOT_FOUND', 'There is no source of the type FASTLY here.');
  const lines = new Set(
    sources.map((source) => lineOf(gateOf(source).config.auth?.['service_id'])),
  );
  const target = { path: incoming.req.url ?? '', query: '' };
  const found = { source: first, target, published: false };
  const read = { kind: 'read' as const, body: Buffer.alloc(0) };
  const { request } = arrive(incoming, { ...options, found, read });
  await options.store.add({
    request: { ...request, kind: RequestKind.Handshake },
    idempotency: null,
    claims: [],
  });
  const headers = { 'content-type': 'text/plain; charset=utf-8', 'cache-control': 'no-store' };
  return { status: 200, headers, body: [...lines].join('\n') };
}

function lineOf(serviceId: unknown): string {
  return typeof serviceId === 'string'
    ? createHash('sha256').update(serviceId).digest('hex')
    : ANY_SERVICE;
}
