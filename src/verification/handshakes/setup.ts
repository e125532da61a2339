import { createHash } from 'node:crypto';
import { pinnedUrl } from '../pinned-urls.ts';
import { singleHeader } from '../received.ts';
import type { Handshake } from './handshake.ts';
import { answered, asRecord, challengeText, configText, headerSafe, plain } from './reply.ts';

/** Handshakes that set something up: a secret, a subscription, an allowed origin. */
export const setup = {
  reachable: ({ received }) =>
    received.method === 'HEAD' || received.method === 'GET' ? answered(200) : null,
  // A secret that is already there is never replaced: the question is not signed, so anybody can ask it.
  asana: ({ received, config }) => {
    const secret = singleHeader(received, 'x-hook-secret');
    if (secret === undefined || !headerSafe(secret)) return null;
    const answer = answered(200, undefined, { 'x-hook-secret': secret });
    const isNew = configText(config, 'webhook_secret_key') === '';
    return isNew
      ? { ...answer, storeSecret: { field: 'webhook_secret_key', value: secret } }
      : answer;
  },
  notion: (input) => {
    const { received, config } = input;
    if (singleHeader(received, 'x-notion-signature') !== undefined) return null;
    const token = challengeText(input.body['verification_token']);
    if (token === null) return null;
    const isNew = configText(config, 'webhook_secret_key') === '';
    return isNew
      ? { ...answered(200), storeSecret: { field: 'webhook_secret_key', value: token } }
      : answered(200);
  },
  sns: ({ body, config }) => {
    if (body['Type'] !== 'SubscriptionConfirmation') return null;
    const url = pinnedUrl(body['SubscribeURL'], 'sns');
    const topic = configText(config, 'topic_arn');
    const isOurs = topic === '' || topic === body['TopicArn'];
    return url === null || !isOurs ? answered(403) : { ...answered(200), fetch: url.href };
  },
  cloudevents,
  event_grid: (input) => {
    if (input.received.method === 'OPTIONS') return cloudevents(input);
    if (singleHeader(input.received, 'aeg-event-type') !== 'SubscriptionValidation') return null;
    const event = asRecord(Array.isArray(input.json) ? (input.json as unknown[])[0] : input.json);
    const code = challengeText(asRecord(event['data'])['validationCode']);
    return code === null ? answered(400) : answered(200, { validationResponse: code });
  },
  fastly: ({ received, config }) => {
    if (
      received.method !== 'GET' ||
      !received.path.endsWith('/.well-known/fastly/logging/challenge')
    )
      return null;
    const service = configText(config, 'service_id');
    return plain(service === '' ? '*' : createHash('sha256').update(service).digest('hex'));
  },
} satisfies Record<string, Handshake>;

// The same question in both: may this origin send here?
function cloudevents({ received }: Parameters<Handshake>[0]): ReturnType<Handshake> {
  if (received.method !== 'OPTIONS') return null;
  const origin = singleHeader(received, 'webhook-request-origin');
  if (origin === undefined || !headerSafe(origin)) return null;
  const asksForRate = singleHeader(received, 'webhook-request-rate') !== undefined;
  return answered(200, undefined, {
    allow: 'POST',
    'webhook-allowed-origin': origin,
    ...(asksForRate ? { 'webhook-allowed-rate': '*' } : {}),
  });
}
