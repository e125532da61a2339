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
import { exampleRotatedSecrets, exampleSigningSecrets } from '../examples/keys.ts';
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
    summary: 'Retrieve the signing secrets of a destination',
    description:
      'Returns the secrets that deliveries to a destination are signed with, the newest first. Receivers verify the `webhook-signature` header with one of them, as Standard Webhooks say.',
    tag: TAG,
    id: 'destination',
    response: destinationSigningSecrets,
    example: { answer: { ...exampleSigningSecrets, shared: false } },
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
    summary: 'Rotate the signing secret of a destination',
    description:
      'Creates a new signing secret for one destination. Its deliveries carry a signature by the old one too for `old_valid_hours`, so that its receiver can change over. A destination that used the shared secrets gets its own.',
    tag: TAG,
    id: 'destination',
    body: signingSecretRotation,
    response: destinationSigningSecrets,
    example: {
      body: { old_valid_hours: 24 },
      answer: { ...exampleRotatedSecrets, shared: false },
    },
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
    summary: 'Retrieve the shared signing secrets',
    description:
      'Returns the secrets that destinations from older versions share until their own secret is rotated, the newest first. Every other destination has its own.',
    tag: TAG,
    response: signingSecrets,
    example: { answer: exampleSigningSecrets },
    handle: async ({ projectId }) => ({
      models: await listSigningSecrets(db, { sealer, projectId, nowMs: gatewayNow() }),
    }),
  });
}

function rotateShared({ db, sealer }: ApiDeps): Route {
  return route({
    method: 'post',
    path: '/signing-secrets/rotate',
    summary: 'Rotate the shared signing secret',
    description:
      'Creates a new shared signing secret. Deliveries of the destinations that share it carry a signature by the old one too for `old_valid_hours`, so that receivers can change over.',
    tag: TAG,
    body: signingSecretRotation,
    response: signingSecrets,
    example: { body: { old_valid_hours: 24 }, answer: exampleRotatedSecrets },
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
