import { expect, test } from 'vitest';
import { lastingPort } from '../../support/ports.ts';
import { runRecipe } from '../../support/recipe.ts';
import { startReceiver } from '../../support/receiver.ts';
import { sharedGateway } from '../../support/shared-gateway.ts';

const gateway = sharedGateway();
const receiver = await startReceiver();
const reader = () => ({ URL: gateway.url(), KEY: gateway.apiKey });
const port = async () => String(await lastingPort());

test('Stripe to two services: the one that is down gets its events by a retry, and the other at once', async () => {
  const outputs = await runRecipe('stripe-to-two-services.md', {
    env: { ...reader(), BILLING_PORT: await port(), MAIL_PORT: await port() },
  });
  expect(outputs.at(-1)).toContain('REPLAYED');
});

test('GitHub to Slack: a pull request becomes a message, and nothing else of GitHub reaches Slack', async () => {
  await runRecipe('github-to-slack.md', {
    env: { ...reader(), SLACK_URL: receiver.url('services/T1/B1/x') },
  });
  const posted = receiver.received('services');
  expect(posted.map(({ url }) => url)).toEqual(['/services/T1/B1/x']);
  const { headers, body } = posted[0]!;
  expect(JSON.parse(body.toString())).toEqual({ text: expect.stringMatching(/^zoë opened </) });
  expect(Object.keys(headers).filter((name) => /hub|github/.test(name))).toEqual([]);
});

test('an asynchronous API: calls are answered at once, and the slow service works on two at a time', async () => {
  const outputs = await runRecipe('asynchronous-api.md', {
    env: { ...reader(), SERVICE_PORT: await port(), CALLER_PORT: await port() },
  });
  expect(outputs).toContain('open=1\nopen=2\n');
});

test('a Shopify burst: all of it is taken, each order once, and no faster than the warehouse can', async () => {
  const outputs = await runRecipe('shopify-burst.md', {
    env: { ...reader(), WAREHOUSE_PORT: await port() },
  });
  const isTimes = (output: string) => /^(\d{4}-\d\d-\d\dT\S+Z\n){20}$/.test(output);
  const times = outputs.find(isTimes)!.trim().split('\n').map(Date.parse);
  // In no second there are more than the rate and one: twenty need more than three.
  expect(times.at(-1)! - times[0]!).toBeGreaterThan(3_000);
});
