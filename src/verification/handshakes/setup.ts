import { createHash } from 'node:crypto';
import { pinnedUrl } from '../pinned-urls.ts';
import { singleHeader } from '../received.ts';
import type { Handshake, HandshakeAnswer, HandshakeInput } from './handshake.ts';
import { answered, asRecord, challengeText, configText, headerSafe, plain } from './reply.ts';

/** Handshakes that set something up: a secret, a subscription, an allowed origin. */
export const setup = {
  reachable: ({ received }) =>
    received.method === 'HEAD' || received.method === 'GET' ? answered(200) : null,
  asana: (input) => {
    const { received } = input;
    const secret = singleHeader(received, 'x-hook-secret');
    if (secret === undefined || !headerSafe(secret)) return null;
    return handedOver(input, {
      secret,
      answer: answered(200, undefined, { 'x-hook-secret': secret }),
    });
  },
  notion: (input) => {
    const { received } = input;
    if (singleHeader(received, 'x-notion-signature') !== undefined) return null;
    const token = challengeText(input.body['verification_token']);
    if (token === null) return null;
    return handedOver(input, { secret: token, answer: answered(200) });
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

const SET_UP_FIRST =
  'the source is not being set up: call PUT /sources/{id}/setup, then let the provider ask again';

// The question is not signed, so anybody can ask it: a secret is taken only while the source is being set up, and one
// that is already there is never replaced.
function handedOver(
  { config, takesSecret }: HandshakeInput,
  { secret, answer }: { secret: string; answer: HandshakeAnswer },
): HandshakeAnswer {
  if (configText(config, 'webhook_secret_key') !== '') return answer;
  if (!takesSecret) return { ...answered(403), refusal: SET_UP_FIRST };
  return { ...answer, storeSecret: { field: 'webhook_secret_key', value: secret } };
}

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
