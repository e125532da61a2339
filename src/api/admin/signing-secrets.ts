import { gatewayNow } from '../../db/clock.ts';
import { destinations } from '../../db/destinations.ts';
import {
  listSigningSecrets,
  ownSecrets,
  rotateDestinationSecret,
  rotateSigningSecret,
} from '../../db/signing-secrets.ts';
import {
  destinationSigningSecrets,
  signingSecretRotation,
  signingSecrets,
} from '../../domain/schema/signing-secret.ts';
import type { ApiDeps } from '../deps.ts';
import { type Route, route } from '../route.ts';
import { present } from './named-content.ts';

const TAG = 'signing secrets';
const HOUR_MS = 3_600_000;

/** `/destinations/:id/signing-secrets` and `/signing-secrets`: what receivers need to verify a delivery. */
export function signingSecretRoutes(deps: ApiDeps): Route[] {
  return [showOwn(deps), rotateOwn(deps), showShared(deps), rotateShared(deps)];
}

function showOwn({ db, sealer }: ApiDeps): Route {
  return route({
    method: 'get',
    path: '/destinations/:id/signing-secrets',
    summary: 'Show what deliveries to a destination are signed with, the newest first',
    tag: TAG,
    id: 'destination',
    response: destinationSigningSecrets,
    async handle({ projectId, id }) {
      const now = { sealer, nowMs: gatewayNow() };
      const own = ownSecrets(present(await destinations.find(db, { projectId, id }), id), now);
      const models = own ?? (await listSigningSecrets(db, { ...now, projectId }));
      return { models, shared: own === null };
    },
  });
}

function rotateOwn({ db, sealer }: ApiDeps): Route {
  return route({
    method: 'post',
    path: '/destinations/:id/signing-secrets/rotate',
    summary:
      'Give a destination a new signing secret; its deliveries are signed with the previous one too for a while',
    tag: TAG,
    id: 'destination',
    body: signingSecretRotation,
    response: destinationSigningSecrets,
    async handle({ projectId, id, body }) {
      present(await destinations.find(db, { projectId, id }), id);
      const oldValidMs = body.old_valid_hours * HOUR_MS;
      const order = { sealer, projectId, id, nowMs: gatewayNow(), oldValidMs };
      return { models: await rotateDestinationSecret(db, order), shared: false };
    },
  });
}

function showShared({ db, sealer }: ApiDeps): Route {
  return route({
    method: 'get',
    path: '/signing-secrets',
    summary: 'Show the secrets shared by destinations from older versions, the newest first',
    tag: TAG,
    response: signingSecrets,
    handle: async ({ projectId }) => ({
      models: await listSigningSecrets(db, { sealer, projectId, nowMs: gatewayNow() }),
    }),
  });
}

function rotateShared({ db, sealer }: ApiDeps): Route {
  return route({
    method: 'post',
    path: '/signing-secrets/rotate',
    summary:
      'Make a new shared signing secret; deliveries are signed with the previous one too for a while',
    tag: TAG,
    body: signingSecretRotation,
    response: signingSecrets,
    handle: async ({ projectId, body }) => ({
      models: await rotateSigningSecret(db, {
        sealer,
        projectId,
        nowMs: gatewayNow(),
        oldValidMs: body.old_valid_hours * HOUR_MS,
      }),
    }),
  });
}
