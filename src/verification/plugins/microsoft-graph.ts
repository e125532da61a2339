import { sameBytes } from '../engine/decoders.ts';
import { shortDigest } from '../engine/engine.ts';
import { activeSecrets, type Received } from '../received.ts';
import { accepted, refused, VerificationReason, type Refused } from '../verdict.ts';
import type { Keys } from '../verifier.ts';
import { jsonIn } from './json-body.ts';
import { isKeyKnown } from './key-sets.ts';
import { readToken, tokenProblem, type MicrosoftToken } from './microsoft-tokens.ts';
import type { Plugin, PluginSettings } from './plugin.ts';

const MOST_TOKENS = 100;
const QUOTE = 0x22;
const NULL = Buffer.from('null');

/**
 * Microsoft Graph sends back the clientState of the subscription in every notification. Beside rich notifications,
 * which hold the changed resource, stands a token for each app and tenant; every one of them has to be good.
 */
export const microsoftGraph: Plugin = (settings) => {
  const expected = { apps: idsIn(settings, 'app_id'), tenants: idsIn(settings, 'tenant_id') };
  const read = (received: Received): MicrosoftToken[] | Refused => {
    const found = notificationsIn(received);
    if ('reason' in found) return found;
    const wrong = stateProblem(found.states, { settings, received });
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

type Found = { states: (string | undefined)[]; isEncrypted: boolean; tokens: unknown[] };

const NOTIFICATION = 'value.*';
const STATE = `${NOTIFICATION}.clientState`;
const ENCRYPTED = `${NOTIFICATION}.encryptedContent`;
const TOKEN = 'validationTokens.*';

function notificationsIn(received: Received): Found | Refused {
  const json = jsonIn(received, [NOTIFICATION, STATE, ENCRYPTED, 'validationTokens', TOKEN]);
  if ('reason' in json) return json;
  const notifications = json.all(NOTIFICATION);
  if (notifications.length === 0)
    return refused(VerificationReason.MALFORMED, 'no value in the body');
  const tokens = json.raw('validationTokens')?.toString('latin1', 0, 4) ?? 'null';
  if (tokens !== 'null' && !tokens.startsWith('['))
    return refused(VerificationReason.MALFORMED, 'validationTokens is no list');
  const states = notifications.map((): string | undefined => undefined);
  for (const { item, raw, text } of json.all(STATE)) if (raw[0] === QUOTE) states[item] = text;
  return {
    states,
    isEncrypted: json.all(ENCRYPTED).some(({ raw }) => !raw.equals(NULL)),
    tokens: json.all(TOKEN).map(({ text }) => text),
  };
}

/** Compares the clientState of every notification with every valid secret; null where they match, or there is none. */
function stateProblem(
  states: Found['states'],
  { settings, received }: { settings: PluginSettings; received: Received },
): Refused | null {
  const { secrets } = settings;
  if (secrets.length === 0) return null;
  if (states.includes(undefined))
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
  { isEncrypted, tokens }: Found,
  { secrets }: PluginSettings,
): Refused | null {
  if (tokens.length > 0) return null;
  if (isEncrypted)
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
