import { afterAll, beforeAll, expect, test } from 'vitest';
import { type Gateway, startGateway } from './gateway.ts';

let gateway: Gateway;
beforeAll(async () => {
  gateway = await startGateway();
});
afterAll(() => gateway.close());

test.each([
  ['/events?issue_id=iss_1', 'issue_id matches nothing yet: Sluice has no issues.'],
  ['/events?bulk_retry_id=b', 'bulk_retry_id matches nothing yet: Sluice has no bulk retries.'],
  ['/events?cli_id=c', 'cli_id matches nothing yet: Sluice has no command-line clients.'],
  [
    '/events?cli_user_id[any]=true&include=data',
    'cli_user_id matches nothing yet: Sluice has no command-line clients.',
  ],
  ['/requests?bulk_retry_id=b', 'bulk_retry_id matches nothing yet: Sluice has no bulk retries.'],
])(
  'a filter over what Sluice does not have yet matches nothing and says so (%s)',
  async (path, note) => {
    expect(await gateway.done('GET', path)).toMatchObject({ count: 0, models: [], notes: [note] });
  },
);

test('a list without such a filter, or with one that asks for anything, has no notes', async () => {
  for (const path of ['/events', '/events?issue_id[all]=true', '/requests?include=data']) {
    expect(await gateway.done('GET', path)).not.toHaveProperty('notes');
  }
});

test('the OpenAPI document says of such a filter that it matches nothing yet', () => {
  const text = JSON.stringify(gateway.document);
  expect(text).toContain('issue_id matches nothing yet');
  expect(text).toContain('cli_id matches nothing yet');
});
