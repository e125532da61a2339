import { expect, test } from 'vitest';
import { startClouds } from '../support/clouds.ts';
import { startGateway } from '../support/gateway.ts';
import { lastingPort } from '../support/ports.ts';
import { runRecipe } from '../support/recipe.ts';

const clouds = await startClouds();
const gateway = await startGateway(clouds.env);

test('Amazon SNS and Google Pub/Sub: subscriptions are confirmed, signed messages delivered, others not', async () => {
  const outputs = await runRecipe('amazon-sns-and-google-pubsub.md', {
    env: {
      URL: gateway.url(),
      KEY: gateway.apiKey,
      PUBLIC_URL: gateway.url(),
      ORDERS_PORT: String(await lastingPort()),
    },
    programs: clouds.programs,
  });
  expect(outputs.at(-1)).toContain('VERIFICATION_FAILED');
});
