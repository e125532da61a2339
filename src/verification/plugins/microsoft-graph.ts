import { sameBytes } from '../engine/decoders.ts';
import { shortDigest } from '../engine/engine.ts';
import { activeSecrets, notDecodable, signedBody, type Received } from '../received.ts';
import { accepted, refused, VerificationReason, type Refused } from '../verdict.ts';
import type { Keys } from '../verifier.ts';
import { jsonBody, record } from './json-body.ts';
import { isKeyKnown } from './key-sets.ts';
import { readToken, tokenProblem, type MicrosoftToken } from './microsoft-tokens.ts';
import type { Plugin, PluginSettings } from './plugin.ts';

const MOST_TOKENS = 100;

/**
 * Microsoft Graph sends back the clientState of the subscription in every notification. Beside rich notifications,
 * which hold the changed resource, stands a token for each app and tenant; every one of them has to be good.
 */
export const microsoftGraph: Plugin = (settings) => {
  const expected = { apps: idsIn(settings, 'app_id'), tenants: idsIn(settings, 'tenant_id') };
  const read = (received: Received): MicrosoftToken[] | Refused => {
    const found = notificationsIn(received);
    if ('reason' in found) return found;
    const wrong = stateProblem(found.notifications, { settings, received });
    if (wrong !== null) return wrong;
    if (expected.apps.length === 0) return [];
    const missing = missingTokens(found, settings);
    return missing ?? readTokens(found.tokens, expected);
  };
  let lately: Keys | undefined;
  return {
    verify: (received) => {
      const tokens = read(received);
      if ('reason' in tokens) return tokens;
      if (tokens.length === 0) return accepted();
      return tokens.every((signed) => isKeyKnown(signed.keysUrl, { to: lately, signed }))
        ? { deferred: true, local: true }
        : { deferred: true };
    },
    settle: async (received, from) => {
      lately = from;
      const tokens = read(received);
      if ('reason' in tokens) return tokens;
      for (const signed of tokens) {
        const problem = await tokenProblem(signed, { ...expected, settings, received, from });
        if (problem !== null) return problem;
      }
      // A token serves for hours and says nothing about the body, so it marks no replay.
      return accepted();
    },
  };
};

// One or several; tokens write them in lower case.
function idsIn({ auth }: PluginSettings, field: string): string[] {
  return [auth[field]]
    .flat()
    .filter((id) => typeof id === 'string')
    .map((id) => id.toLowerCase());
}

type Found = { notifications: Record<string, unknown>[]; tokens: unknown[] };

function notificationsIn(received: Received): Found | Refused {
  if (signedBody(received, { over: 'decoded' }) === null) return notDecodable(received);
  const body = jsonBody(received);
  const value = body?.['value'];
  if (!Array.isArray(value) || value.length === 0)
    return refused(VerificationReason.MALFORMED, 'no value in the body, or it is above 1 MiB');
  const tokens = body?.['validationTokens'] ?? [];
  return Array.isArray(tokens)
    ? { notifications: value.map(record), tokens }
    : refused(VerificationReason.MALFORMED, 'validationTokens is no list');
}

/** Compares the clientState of every notification with every valid secret; null where they match, or there is none. */
function stateProblem(
  notifications: Found['notifications'],
  { settings, received }: { settings: PluginSettings; received: Received },
): Refused | null {
  const { secrets } = settings;
  if (secrets.length === 0) return null;
  const states = notifications.map(({ clientState }) => clientState);
  if (states.some((state) => typeof state !== 'string'))
    return refused(VerificationReason.MISSING_SIGNATURE, 'no clientState');
  const valid = activeSecrets(secrets, { atMs: received.receivedAtMs });
  if (valid.length === 0) return refused(VerificationReason.NO_ACTIVE_SECRET);
  const digests = valid.map(({ value }) => digest(value));
  const isSame = states.every((state) =>
    digests.some((secret) => sameBytes(secret, digest(String(state)))),
  );
  return isSame ? null : refused(VerificationReason.WRONG_CREDENTIALS, 'clientState');
}

function digest(text: string): Buffer {
  return Buffer.from(shortDigest(Buffer.from(text)));
}

// Without tokens a notification is a plain one, which the clientState alone speaks for.
function missingTokens(
  { notifications, tokens }: Found,
  { secrets }: PluginSettings,
): Refused | null {
  if (tokens.length > 0) return null;
  if (notifications.some(({ encryptedContent }) => (encryptedContent ?? null) !== null))
    return refused(
      VerificationReason.MISSING_SIGNATURE,
      'encryptedContent without validationTokens',
    );
  return secrets.length > 0
    ? null
    : refused(
        VerificationReason.MISSING_SIGNATURE,
        'no validationTokens, and no webhook_secret_key to compare clientState with',
      );
}

function readTokens(
  texts: readonly unknown[],
  { tenants }: { tenants: readonly string[] },
): MicrosoftToken[] | Refused {
  if (texts.length > MOST_TOKENS)
    return refused(VerificationReason.MALFORMED, `more than ${MOST_TOKENS} validationTokens`);
  const tokens: MicrosoftToken[] = [];
  for (const text of new Set(texts)) {
    const token = readToken(text, { tenants });
    if ('reason' in token) return token;
    tokens.push(token);
  }
  return tokens;
}
