import { compileVerifier } from './compile.ts';
import { parsedJson } from './engine/place.ts';
import { challenges } from './handshakes/challenges.ts';
import type { Handshake, HandshakeAnswer, HandshakeInput } from './handshakes/handshake.ts';
import type { HandshakeName } from './handshakes/name.ts';
import { answered, asRecord, configText, headerSafe, plain } from './handshakes/reply.ts';
import { setup } from './handshakes/setup.ts';
import { signedBody, singleHeader, type Received } from './received.ts';
import { definitionFor, type SourceConfig } from './source-config.ts';
import type { SourceType } from './source-types.ts';

const HANDSHAKES: Readonly<Record<HandshakeName, Handshake>> = {
  ...challenges,
  ...setup,
  // These two sign the question too; answering a stranger's would confirm a stranger's subscription.
  twitch: (input) => {
    const isQuestion =
      singleHeader(input.received, 'twitch-eventsub-message-type') ===
      'webhook_callback_verification';
    if (!isQuestion) return null;
    const challenge = input.body['challenge'];
    return input.isVerified() && typeof challenge === 'string' ? plain(challenge) : answered(401);
  },
  // Interactions ping with type 1. Webhook events ping with type 0, and there type 1 is an event.
  discord: (input) => {
    const isInteraction = input.body['type'] === 1 && !('event' in input.body);
    const isEventPing = input.body['type'] === 0 && 'application_id' in input.body;
    if (!isInteraction && !isEventPing) return null;
    if (!input.isVerified()) return answered(401);
    return isInteraction ? answered(200, { type: 1 }) : answered(204);
  },
  ring_central: ({ received }) => {
    const token = singleHeader(received, 'validation-token');
    return token === undefined || !headerSafe(token)
      ? null
      : answered(200, undefined, { 'validation-token': token });
  },
  vercel: ({ received, config }) => {
    const secret = configText(config, 'log_drains_secret');
    const isQuestion = received.method === 'GET' || received.method === 'HEAD';
    return isQuestion && headerSafe(secret)
      ? answered(200, undefined, { 'x-vercel-verify': secret })
      : null;
  },
};

/**
 * Answers the question a provider asks before it sends events; null where the request is none. With
 * `storeSecret` the caller keeps the secret as the source's own; with `fetch` it fetches the address, but only
 * after the request was verified.
 */
export function answerHandshake(
  type: SourceType,
  received: Received,
  config: SourceConfig,
): HandshakeAnswer | null {
  const name = definitionFor(type, { authType: config.auth_type })?.handshake;
  if (name === null || name === undefined) return null;
  return HANDSHAKES[name](inputFor(type, { received, config }));
}

function inputFor(
  type: SourceType,
  { received, config }: { received: Received; config: SourceConfig },
): HandshakeInput {
  const bytes = received.body.length > 65_536 ? null : signedBody(received, { over: 'decoded' });
  const json = bytes === null || bytes.length === 0 ? undefined : parsedJson(bytes);
  return {
    received,
    config,
    json,
    body: asRecord(json),
    query: new URLSearchParams(received.rawQuery),
    isVerified: () => {
      const verdict = compileVerifier(type, config)?.verify(received);
      return verdict !== undefined && 'verified' in verdict && verdict.verified;
    },
  };
}
