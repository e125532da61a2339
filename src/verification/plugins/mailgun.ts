import { contentFamily, ContentFamily } from '../content.ts';
import { decodeStrictly } from '../engine/decoders.ts';
import { checkTimestamp, parseTimestamp } from '../engine/timestamp.ts';
import { contentTypeOf, type Received } from '../received.ts';
import { accepted, refused, VerificationReason, type Refused } from '../verdict.ts';
import { valuesOf } from '../body/form.ts';
import { formIn } from './form-body.ts';
import { jsonIn } from './json-body.ts';
import { macMatches, type Mac } from './mac.ts';
import type { Plugin } from './plugin.ts';

const TOLERANCE_MS = 300_000;
const NAMES = ['timestamp', 'token', 'signature'] as const;

type Signed = { timestamp: string; token: string; signature: string };

/**
 * Mailgun signs a timestamp and a token, not the body: so the token must never come twice. Webhooks are JSON; a route
 * posts a form, in parts where the mail has attachments.
 */
export const mailgun: Plugin = (settings) => ({
  verify: (received) => {
    const signed = signedIn(received);
    if ('reason' in signed) return signed;
    const { timestamp, token, signature } = signed;
    const mac: Mac = {
      algorithm: 'sha256',
      content: timestamp + token,
      signature: decodeStrictly(signature, 'hex'),
    };
    if (mac.signature === null)
      return refused(VerificationReason.MALFORMED, 'the signature is not hex');
    if (!macMatches(received, { secrets: settings.secrets, mac }))
      return refused(VerificationReason.WRONG_SECRET_OR_BODY);
    const signedAtMs = parseTimestamp(timestamp, 's');
    if (signedAtMs === null)
      return refused(VerificationReason.MALFORMED, 'the timestamp cannot be read');
    const toleranceMs = settings.toleranceMs ?? TOLERANCE_MS;
    const late =
      toleranceMs === 0
        ? null
        : checkTimestamp(signedAtMs, { receivedAtMs: received.receivedAtMs, toleranceMs });
    return late ?? accepted({ replayKey: token });
  },
});

function signedIn(received: Received): Signed | Refused {
  const family = contentFamily(contentTypeOf(received));
  const isForm = family === ContentFamily.FORM || family === ContentFamily.BINARY;
  const first = isForm ? formSignature(received) : jsonSignature(received);
  // What the content type does not say, the body may.
  if (!('reason' in first) || family === ContentFamily.JSON || isForm) return first;
  const other = formSignature(received);
  return 'reason' in other ? first : other;
}

function jsonSignature(received: Received): Signed | Refused {
  const json = jsonIn(
    received,
    NAMES.map((name) => `signature.${name}`),
  );
  if ('reason' in json)
    return json.reason === VerificationReason.MALFORMED ? missing(json.hint) : json;
  return whole((name) => json.text(`signature.${name}`));
}

function formSignature(received: Received): Signed | Refused {
  const form = formIn(received);
  if ('reason' in form) return form;
  return whole((name) => {
    const values = valuesOf(form.fields, name);
    return values.length === 1 ? values[0] : undefined;
  });
}

function whole(read: (name: (typeof NAMES)[number]) => string | undefined): Signed | Refused {
  const [timestamp, token, signature] = NAMES.map(read);
  return timestamp === undefined || token === undefined || signature === undefined
    ? missing()
    : { timestamp, token, signature };
}

function missing(why?: string): Refused {
  const hint = 'no signature in the body';
  return refused(
    VerificationReason.MISSING_SIGNATURE,
    why === undefined ? hint : `${hint}: ${why}`,
  );
}
