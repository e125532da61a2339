import { createHash } from 'node:crypto';
import { singleHeader } from '../received.ts';
import type { Handshake } from './handshake.ts';
import {
  answered,
  asRecord,
  challengeText,
  configText,
  hmacSha256,
  plain,
  signableText,
} from './reply.ts';

/** Questions whose answer is the challenge itself, or a digest of it. */
export const challenges = {
  slack: ({ body }) => {
    const challenge = challengeText(body['challenge']);
    return body['type'] === 'url_verification' && challenge !== null ? plain(challenge) : null;
  },
  meta: (input) => subscription(input, (challenge) => plain(challenge)),
  strava: (input) =>
    subscription(input, (challenge) => answered(200, { 'hub.challenge': challenge })),
  twitter: ({ received, query, config }) => {
    const token = signableText(query.get('crc_token'));
    const secret = configText(config, 'api_key');
    if (received.method !== 'GET' || token === null || secret === '') return null;
    return answered(200, {
      response_token: `sha256=${hmacSha256(secret, { text: token, encoding: 'base64' })}`,
    });
  },
  zoom: ({ body, config }) => {
    const token = signableText(asRecord(body['payload'])['plainToken']);
    const secret = configText(config, 'webhook_secret_key');
    if (body['event'] !== 'endpoint.url_validation' || token === null || secret === '') return null;
    return answered(200, {
      plainToken: token,
      encryptedToken: hmacSha256(secret, { text: token, encoding: 'hex' }),
    });
  },
  microsoft_graph: ({ query }) => {
    // SharePoint and OneDrive write the name in small letters.
    const token = challengeText(anyCase(query, 'validationtoken'));
    return token === null ? null : plain(token);
  },
  okta: ({ received }) => {
    const challenge = challengeText(singleHeader(received, 'x-okta-verification-challenge'));
    return received.method === 'GET' && challenge !== null
      ? answered(200, { verification: challenge })
      : null;
  },
  monday: ({ body }) => {
    const challenge = challengeText(body['challenge']);
    return challenge !== null && Object.keys(body).length === 1
      ? answered(200, { challenge })
      : null;
  },
  ebay: ({ received, query, config }) => {
    const code = challengeText(query.get('challenge_code'));
    if (received.method !== 'GET' || code === null) return null;
    const endpoint = configText(config, 'registered_url') || received.url.split('?')[0];
    const text = `${code}${configText(config, 'verification_token')}${endpoint}`;
    return answered(200, { challengeResponse: createHash('sha256').update(text).digest('hex') });
  },
  linkedin: ({ received, query, config }) => {
    const code = signableText(query.get('challengeCode'));
    const secret = configText(config, 'webhook_secret_key');
    if (received.method !== 'GET' || code === null || secret === '') return null;
    return answered(200, {
      challengeCode: code,
      challengeResponse: hmacSha256(secret, { text: code, encoding: 'hex' }),
    });
  },
  nylas: ({ received, query }) => {
    const challenge = challengeText(query.get('challenge'));
    return received.method === 'GET' && challenge !== null ? plain(challenge) : null;
  },
  dropbox: ({ received, query }) => {
    const challenge = challengeText(query.get('challenge'));
    return received.method === 'GET' && challenge !== null ? plain(challenge) : null;
  },
  oura: ({ received, query, config }) => {
    const challenge = challengeText(query.get('challenge'));
    const token = query.get('verification_token');
    if (received.method !== 'GET' || challenge === null || token === null) return null;
    const expected = configText(config, 'verify_token');
    return expected === '' || expected === token ? answered(200, { challenge }) : answered(401);
  },
  smartcar: ({ body, config }) => {
    const isQuestion = body['eventName'] === 'verify' || body['eventType'] === 'VERIFY';
    const challenge = signableText(
      asRecord(body['payload'])['challenge'] ?? asRecord(body['data'])['challenge'],
    );
    const secret = configText(config, 'webhook_secret_key');
    if (!isQuestion || challenge === null || secret === '') return null;
    return answered(200, { challenge: hmacSha256(secret, { text: challenge, encoding: 'hex' }) });
  },
} satisfies Record<string, Handshake>;

/** A parameter of the query, however its name is written; null where it stands twice. */
function anyCase(query: URLSearchParams, name: string): string | null {
  const values = [...query].filter(([key]) => key.toLowerCase() === name);
  return values.length === 1 ? (values[0]?.[1] ?? null) : null;
}

// The subscription handshake Meta and Strava share.
function subscription(
  { received, query, config }: Parameters<Handshake>[0],
  reply: (challenge: string) => ReturnType<Handshake>,
): ReturnType<Handshake> {
  const challenge = challengeText(query.get('hub.challenge'));
  if (received.method !== 'GET' || query.get('hub.mode') !== 'subscribe' || challenge === null)
    return null;
  const expected = configText(config, 'verify_token');
  return expected === '' || expected === query.get('hub.verify_token')
    ? reply(challenge)
    : answered(403);
}
