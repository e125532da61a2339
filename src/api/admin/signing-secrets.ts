import { listSigningSecrets, rotateSigningSecret } from '../../db/projects.ts';
import { gatewayNow } from '../../db/clock.ts';
import { signingSecretRotation, signingSecrets } from '../../domain/schema/signing-secret.ts';
import type { ApiDeps } from '../deps.ts';
import { type Route, route } from '../route.ts';

const TAG = 'signing secrets';
const HOUR_MS = 3_600_000;

/** `/signing-secrets`: what receivers need to verify a delivery. */
export function signingSecretRoutes({ db, sealer }: ApiDeps): Route[] {
  return [
    route({
      method: 'get',
      path: '/signing-secrets',
      summary: 'Show what deliveries are signed with, the newest first',
      tag: TAG,
      response: signingSecrets,
      handle: async ({ projectId }) => ({
        models: await listSigningSecrets(db, { sealer, projectId, nowMs: gatewayNow() }),
      }),
    }),
    route({
      method: 'post',
      path: '/signing-secrets/rotate',
      summary: 'Make a new signing secret; deliveries are signed with the old one too for a while',
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
    }),
  ];
}
