import type { RequestHandler } from 'express';
import type { Authenticate } from './auth.ts';

type ReadMetrics = () => Promise<{ contentType: string; body: string }>;

/** `GET /metrics` for Prometheus: for holders of an API key, since it names destinations. */
export function metricsRoute(read: ReadMetrics, authenticate: Authenticate): RequestHandler {
  return async (request, response) => {
    if ((await authenticate(request.headers.authorization)) === null) {
      response.status(401).set('www-authenticate', 'Bearer').type('text').send('Unauthorized');
      return;
    }
    const { contentType, body } = await read();
    response.set('content-type', contentType).send(body);
  };
}
