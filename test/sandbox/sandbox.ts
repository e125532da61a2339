// A pool and jobs for the tests of this folder.
import { createSandboxPool } from '../../src/sandbox/pool.ts';
import type { SandboxPool, SandboxPoolOptions } from '../../src/sandbox/pool.ts';
import type { GuestRequest, TransformJob, TransformOutcome } from '../../src/sandbox/job.ts';

export const silentLog = { info: () => undefined, warn: () => undefined };

export function testPool(options: Partial<SandboxPoolOptions> = {}): SandboxPool {
  return createSandboxPool({ children: 1, log: silentLog, ...options });
}

export const REQUEST = {
  headers: { 'content-type': 'application/json', 'x-shop': 'north' },
  body: { id: 7, items: [{ price: 2 }, { price: 3 }] },
  query: 'a=1&b=2',
  parsed_query: { a: '1', b: '2' },
  path: '/orders',
};

export function inputOf(request: object = REQUEST, connection: object = { id: 'web_1' }): string {
  return JSON.stringify({ request, context: { connection } });
}

/** A job whose transformation is the given code, or the given function expression as its handler. */
export function jobOf(code: string, extra: Partial<TransformJob> = {}): TransformJob {
  const names = { tenant: 'tm_1', transformationId: 'trs_1', version: '1' };
  return { ...names, code, env: {}, input: inputOf(), timeoutMs: 4_000, ...extra };
}

export function handler(expression: string): string {
  return `addHandler("transform", ${expression});`;
}

/** The one request of a run that went well; says how the run ended when it did not. */
export function onlyRequest(outcome: TransformOutcome): GuestRequest {
  const [request] = outcome.kind === 'ok' ? outcome.requests : [];
  if (request === undefined) throw new Error(`It ended otherwise: ${JSON.stringify(outcome)}`);
  return request;
}
