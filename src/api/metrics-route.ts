import type { RequestHandler } from 'express';
import { identify } from './identify.ts';
import type { Authenticate } from './auth.ts';

type ReadMetrics = () => Promise<{ contentType: string; body: string }>;

/** `GET /metrics` for Prometheus: for holders of an API key, since it names destinations. */
export function metricsRoute(read: ReadMetrics, authenticate: Authenticate): RequestHandler {
  return async (request, response) => {
    await identify(authenticate, request);
    const { contentType, body } = await read();
    response.set('content-type', contentType).send(body);
  };
}
