import { expect, test } from 'vitest';
import { lastingPort } from '../../support/ports.ts';
import { runRecipe } from '../../support/recipe.ts';
import { sharedGateway } from '../../support/shared-gateway.ts';

const gateway = sharedGateway();

test('webhooks for customers: each gets its own events, signed with a secret that no other customer has', async () => {
  const [acme, globex] = [String(await lastingPort()), String(await lastingPort())];
  const outputs = await runRecipe('webhooks-for-your-customers.md', {
    env: { URL: gateway.url(), KEY: gateway.apiKey, ACME_PORT: acme, GLOBEX_PORT: globex },
  });
  expect(outputs.at(-1)).toContain('while.down');
});
