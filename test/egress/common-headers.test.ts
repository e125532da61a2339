import { expect, test } from 'vitest';
import { buildRequest, commonHeaders } from '../../src/egress/outgoing.ts';
import { deliveryOf } from './delivery.ts';

test('the headers that all attempts share leave out what one attempt counts, times and signs', () => {
  const secrets = { signingSecrets: ['whsec_bmV3', 'whsec_b2xk'] };
  const received: [string, string][] = [['webhook-signature', 'v1,theirs']];
  const delivery = deliveryOf({ destination: secrets, request: { headers: received } });
  const names = ({ headers }: { headers: readonly (readonly [string, string])[] }) =>
    headers.map(([name]) => name);
  const common = commonHeaders(delivery);
  const sent = buildRequest(delivery);
  if ('kind' in sent) throw new Error(sent.message);
  const own = names(sent).filter((name) => !names(common).includes(name));
  expect(own).toEqual([
    'x-sluice-signature',
    'x-sluice-signature-2',
    'x-sluice-attempt-count',
    'x-sluice-attempt-trigger',
    'x-sluice-will-retry-after',
    'webhook-timestamp',
    'webhook-signature',
  ]);
  expect(common.headers).toContainEqual(['x-sluice-original-webhook-signature', 'v1,theirs']);
  const passing = commonHeaders({
    ...delivery,
    connection: { name: null, webhookHeaders: 'pass_through' },
    request: {
      ...delivery.request,
      headers: [...received, ['webhook-id', '1'], ['webhook-timestamp', '2']],
    },
  });
  expect(passing.headers).toContainEqual(['webhook-signature', 'v1,theirs']);
  expect(names(passing)).not.toContain('x-sluice-webhook-signature');
});
