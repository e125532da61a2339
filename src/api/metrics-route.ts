import type { RequestHandler } from 'express';
import { identify } from './identify.ts';
import type { Authenticate } from './auth.ts';
import type { Outside } from './openapi/outside.ts';

type ReadMetrics = () => Promise<{ contentType: string; body: string }>;

/** `GET /metrics` for Prometheus: for holders of an API key, since it names destinations. */
export function metricsRoute(read: ReadMetrics, authenticate: Authenticate): RequestHandler {
  return async (request, response) => {
    await identify(authenticate, request);
    const { contentType, body } = await read();
    response.set('content-type', contentType).send(body);
  };
}

/** The same for the OpenAPI document. */
export const metricsOperation: Outside = {
  method: 'get',
  path: '/metrics',
  operationId: 'get_metrics',
  tag: 'operations',
  summary: 'Retrieve metrics',
  description:
    'Returns the metrics of this process for Prometheus. It needs an API key, because metrics name destinations.',
  needsKey: true,
  responses: {
    200: {
      description: 'Metrics in the text format of Prometheus.',
      content: {
        'text/plain': {
          schema: { type: 'string' },
          example:
            '# TYPE sluice_ingest_requests_total counter\nsluice_ingest_requests_total{status="200"} 42\n',
        },
      },
    },
  },
  refusals: [401, 421, 429, 500, 503],
};
