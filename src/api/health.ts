import { type Request, type Response, Router } from 'express';
import type { ApiDeps } from './deps.ts';

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
