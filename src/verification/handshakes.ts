import { compileVerifier } from './compile.ts';
import { contentEncodingOf, decodeBody } from './decoding.ts';
import { smallJson } from './body/json.ts';
import { challenges } from './handshakes/challenges.ts';
import type { Handshake, HandshakeAnswer, HandshakeInput } from './handshakes/handshake.ts';
import type { HandshakeName } from './handshakes/name.ts';
import {
  answered,
  asRecord,
  challengeText,
  configText,
  headerSafe,
  plain,
} from './handshakes/reply.ts';
import { setup } from './handshakes/setup.ts';
import { singleHeader, type Received } from './received.ts';
import { definitionFor, type SourceConfig } from './source-config.ts';
import type { SourceType } from './source-types.ts';
import type { Verdict } from './verdict.ts';

const HANDSHAKES: Readonly<Record<HandshakeName, Handshake>> = {
  ...challenges,
  ...setup,
  // These two sign the question too; answering a stranger's would confirm a stranger's subscription.
  twitch: (input) => {
    const isQuestion =
      singleHeader(input.received, 'twitch-eventsub-message-type') ===
      'webhook_callback_verification';
    if (!isQuestion) return null;
    // Read first: what holds no challenge may be large, and is not decoded to verify it.
    const challenge = input.body['challenge'];
    return typeof challenge === 'string' && input.isVerified() ? plain(challenge) : answered(401);
  },
  // Interactions ping with type 1. Webhook events ping with type 0, and there type 1 is an event.
  discord: (input) => {
    const isInteraction = input.body['type'] === 1 && !('event' in input.body);
    const isEventPing = input.body['type'] === 0 && 'application_id' in input.body;
    if (!isInteraction && !isEventPing) return null;
    if (!input.isVerified()) return answered(401);
    return isInteraction ? answered(200, { type: 1 }) : answered(204);
  },
  // Xero asks with good and with bad signatures, in an empty batch, and wants to see which is which.
  xero: (input) => {
    const { events } = input.body;
    if (!Array.isArray(events) || events.length > 0) return null;
    const reply = answered(input.isRefused() ? 401 : 200);
    return { ...reply, headers: { ...reply.headers, 'content-type': 'text/plain' } };
  },
  // Asked when the webhook of an application is saved, with its signature.
  front: (input) => {
    const challenge = challengeText(singleHeader(input.received, 'x-front-challenge'));
    if (challenge === null) return null;
    return input.isRefused() ? answered(401) : answered(200, { challenge });
  },
  // The first message of a channel, which carries no change.
  google_drive: (input) => {
    const state = singleHeader(input.received, 'x-goog-resource-state');
    if (state !== 'sync') return null;
    return answered(input.isRefused() ? 401 : 200);
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
 * `storeSecret`, which `takesSecret` allows, the caller keeps the secret as the source's own; with `fetch` it fetches the address, but only
 * after the request was verified.
 */
export function answerHandshake(
  type: SourceType,
  received: Received,
  config: SourceConfig,
  { takesSecret = false }: { takesSecret?: boolean } = {},
): HandshakeAnswer | null {
  const name = definitionFor(type, { authType: config.auth_type })?.handshake;
  if (name === null || name === undefined) return null;
  const input = inputFor(type, { received, config, takesSecret });
  const reply = HANDSHAKES[name](input);
  // Only where the handshake asked: to verify the others would cost a digest for nothing.
  return reply !== null && input.wasVerified() ? { ...reply, verified: true } : reply;
}

// A question is short; what grows beyond this is none, and not worth decoding.
const LONGEST_QUESTION = 65_536;

function inputFor(
  type: SourceType,
  { received, config, takesSecret }: Pick<HandshakeInput, 'received' | 'config' | 'takesSecret'>,
): HandshakeInput & { wasVerified: () => boolean } {
  let read: { json: unknown } | undefined;
  let taken: { verdict: Verdict | null } | undefined;
  const json = () => (read ??= { json: questionIn(received) }).json;
  const verdict = () =>
    (taken ??= { verdict: compileVerifier(type, config)?.verify(received) ?? null }).verdict;
  const isVerified = () => {
    const verified = verdict();
    return verified !== null && 'verified' in verified && verified.verified;
  };
  return {
    received,
    config,
    takesSecret,
    get json() {
      return json();
    },
    get body() {
      return asRecord(json());
    },
    query: new URLSearchParams(received.rawQuery),
    isVerified,
    isRefused: () => {
      const refused = verdict();
      return refused !== null && 'verified' in refused && !refused.verified;
    },
    wasVerified: () => taken !== undefined && isVerified(),
  };
}

function questionIn(received: Received): unknown {
  if (received.body.length > LONGEST_QUESTION) return undefined;
  const contentEncoding = contentEncodingOf(received);
  const decoded = decodeBody(received.body, { contentEncoding, mostBytes: LONGEST_QUESTION });
  if (!('body' in decoded) || decoded.body.length === 0) return undefined;
  return smallJson(decoded.body);
}

/** Whether a type's provider hands over the secret in its handshake. */
export function handsOverSecret(type: SourceType, authType: string | null): boolean {
  const name = definitionFor(type, { authType })?.handshake;
  return name === 'asana' || name === 'notion';
}
