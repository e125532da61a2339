import { type Request, type Response, Router } from 'express';
import type { ApiDeps } from './deps.ts';
import type { Outside } from './openapi/outside.ts';

const CHECK_MS = 3_000;

/**
 * `/healthz`: the process is up. `/readyz`: so is what it needs; 503 with what is missing, and notes on what works and
 * should be looked at all the same.
 */
export function healthRoutes({ ready, notes }: ApiDeps): Router {
  const router = Router();
  router.get('/healthz', (_request: Request, response: Response) => {
    response.json({ status: 'ok' });
  });
  router.get('/readyz', async (_request: Request, response: Response) => {
    const checks = await Promise.all(
      Object.entries(ready).map(async ([name, check]) => ({ name, ok: await passes(check) })),
    );
    const missing = checks.filter(({ ok }) => !ok).map(({ name }) => name);
    const status = missing.length === 0 ? 'ready' : 'not ready';
    const noted = missing.length === 0 ? await notes?.().catch(() => []) : [];
    response
      .status(missing.length === 0 ? 200 : 503)
      .json({ status, missing, ...(noted?.length && { notes: noted }) });
  });
  return router;
}

async function passes(check: () => Promise<unknown>): Promise<boolean> {
  const late = Promise.withResolvers<boolean>();
  const timer = setTimeout(() => late.resolve(false), CHECK_MS);
  try {
    return await Promise.race([check().then(() => true), late.promise]);
  } catch {
    return false;
  } finally {
    clearTimeout(timer);
  }
}

const readiness = {
  type: 'object',
  properties: {
    status: { enum: ['ready', 'not ready'], description: 'Whether traffic is welcome.' },
    missing: {
      type: 'array',
      items: { enum: ['postgresql', 'temporal'] },
      description: 'What does not answer.',
    },
    notes: {
      type: 'array',
      items: { type: 'string' },
      description: 'What works, but should be looked at.',
    },
  },
  required: ['status', 'missing'],
  additionalProperties: false,
};

/** The same for the OpenAPI document. */
export const healthOperations: Outside[] = [
  {
    method: 'get',
    path: '/healthz',
    operationId: 'get_healthz',
    tag: 'operations',
    summary: 'Check that the process is up',
    description: 'Answers 200 as long as the process runs. Use it as a liveness probe.',
    needsKey: false,
    responses: {
      200: {
        description: 'The process is up.',
        content: {
          'application/json': {
            schema: {
              type: 'object',
              properties: { status: { const: 'ok', description: 'Always ok.' } },
              required: ['status'],
              additionalProperties: false,
            },
            example: { status: 'ok' },
          },
        },
      },
    },
    refusals: [],
  },
  {
    method: 'get',
    path: '/readyz',
    operationId: 'get_readyz',
    tag: 'operations',
    summary: 'Check that the gateway is ready',
    description:
      'Answers 200 while PostgreSQL and Temporal answer, and 503 otherwise. Use it as a readiness probe. `notes` names what works but should be looked at.',
    needsKey: false,
    responses: {
      200: {
        description: 'The gateway is ready.',
        content: {
          'application/json': { schema: readiness, example: { status: 'ready', missing: [] } },
        },
      },
      503: {
        description: 'Something it needs does not answer.',
        content: {
          'application/json': {
            schema: readiness,
            example: { status: 'not ready', missing: ['temporal'] },
          },
        },
      },
    },
    refusals: [],
  },
];
