import express, { type Express, type Request, type Response } from 'express';
import { GatewayError } from '../domain/errors.ts';
import { apiKeyRoutes } from './admin/api-keys.ts';
import { attemptRoutes } from './admin/attempts.ts';
import { connectionRoutes } from './admin/connections.ts';
import { destinationRoutes } from './admin/destinations.ts';
import { eventRoutes } from './admin/events.ts';
import { requestRoutes } from './admin/requests.ts';
import { signingSecretRoutes } from './admin/signing-secrets.ts';
import { sourceRoutes } from './admin/sources.ts';
import { transformationRoutes } from './admin/transformations.ts';
import { createAuthenticate } from './auth.ts';
import type { ApiDeps } from './deps.ts';
import { errorHandler, sendError } from './errors.ts';
import { healthRoutes } from './health.ts';
import { landingPage } from './landing-page.ts';
import { metricsRoute } from './metrics-route.ts';
import { createDocument } from './openapi/document.ts';
import { mount } from './route.ts';

/** Where the admin API stands: the dialect's version. */
export const BASE_PATH = '/2026-09-01';

const HEADERS = {
  'x-content-type-options': 'nosniff',
  'x-frame-options': 'DENY',
  'referrer-policy': 'no-referrer',
  'cross-origin-resource-policy': 'same-origin',
  'content-security-policy':
    "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'; base-uri 'none'",
};

/** The gateway's HTTP side but for ingest: admin API, its own description, health. */
export function createApi(deps: ApiDeps): Express {
  const app = express();
  app.disable('x-powered-by');
  app.disable('etag');
  // Query strings are read by our own parser, and by nobody before it.
  app.set('query parser', false);
  app.use((_request, response, next) => {
    response.set(HEADERS);
    next();
  });
  const authenticate = deps.authenticate ?? createAuthenticate(deps.db);
  app.use(healthRoutes(deps));
  if (deps.metrics) app.get('/metrics', metricsRoute(deps.metrics, authenticate));

  const routes = [
    ...sourceRoutes(deps),
    ...destinationRoutes(deps),
    ...connectionRoutes(deps),
    ...transformationRoutes(deps),
    ...requestRoutes(deps),
    ...eventRoutes(deps),
    ...attemptRoutes(deps),
    ...signingSecretRoutes(deps),
    ...apiKeyRoutes({ ...deps, keysChanged: () => authenticate.changed() }),
  ];
  const document = createDocument(routes, { basePath: BASE_PATH, publicUrl: deps.publicUrl });
  app.get(['/openapi.json', `${BASE_PATH}/openapi.json`], async (_request, response) => {
    response.type('json').send(await document());
  });
  const page = Buffer.from(landingPage(deps, BASE_PATH));
  app.get('/', (_request, response) => {
    response.type('html').send(page);
  });
  app.use(BASE_PATH, mount(routes, authenticate));
  app.use(unknownRoute);
  app.use(errorHandler(deps.log));
  return app;
}

function unknownRoute(request: Request, response: Response): void {
  const message = `There is no ${request.method} ${request.path}.`;
  sendError(response, new GatewayError('NOT_FOUND', message, { data: { path: request.path } }));
}
