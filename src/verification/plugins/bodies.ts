import { createHmac, createPublicKey, verify } from 'node:crypto';
import { decodeStrictly, sameBytes } from '../engine/decoders.ts';
import { shortDigest } from '../engine/engine.ts';
import { checkTimestamp, parseTimestamp } from '../engine/timestamp.ts';
import {
  activeSecrets,
  notDecodable,
  signedBody,
  type Received,
  type Secret,
} from '../received.ts';
import { accepted, refused, VerificationReason, type Verdict } from '../verdict.ts';
import { jsonBody, record } from './json-body.ts';
import type { Plugin } from './plugin.ts';
import { rawMember } from './raw-json.ts';

const MAILGUN_TOLERANCE_MS = 300_000;

type Mac = {
  algorithm: 'sha256' | 'sha512';
  content: string | Buffer;
  signature: Buffer | null;
  key?: 'utf8' | 'hex';
};

/** Compares with every valid secret, ending early for none. */
function macMatches(
  received: Received,
  { secrets, mac }: { secrets: readonly Secret[]; mac: Mac },
): boolean {
  let matches = false;
  for (const { value } of activeSecrets(secrets, { atMs: received.receivedAtMs })) {
    const key = mac.key === 'hex' ? decodeStrictly(value, 'hex') : Buffer.from(value);
    if (key === null || mac.signature === null) continue;
    const expected = createHmac(mac.algorithm, key).update(mac.content).digest();
    matches = sameBytes(expected, mac.signature) || matches;
  }
  return matches;
}

/** Mailgun signs a timestamp and a token, not the body: so the token must never come twice. */
export const mailgun: Plugin = (settings) => ({
  verify: (received) => {
    const body = signedBody(received, { over: 'decoded' });
    if (body === null) return notDecodable(received);
    const signed = mailgunSignature(received, body);
    if (signed === null)
      return refused(VerificationReason.MISSING_SIGNATURE, 'no signature in the body');
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
    const toleranceMs = settings.toleranceMs ?? MAILGUN_TOLERANCE_MS;
    const late =
      toleranceMs === 0
        ? null
        : checkTimestamp(signedAtMs, { receivedAtMs: received.receivedAtMs, toleranceMs });
    return late ?? accepted({ replayKey: token });
  },
});

function mailgunSignature(
  received: Received,
  body: Buffer,
): { timestamp: string; token: string; signature: string } | null {
  const json = jsonBody(received)?.['signature'];
  const form =
    json === undefined ? Object.fromEntries(new URLSearchParams(body.toString('utf8'))) : {};
  const source = (typeof json === 'object' && json !== null ? json : form) as Record<
    string,
    unknown
  >;
  const { token, signature } = source;
  const timestamp =
    typeof source['timestamp'] === 'number' ? String(source['timestamp']) : source['timestamp'];
  return typeof timestamp === 'string' && typeof token === 'string' && typeof signature === 'string'
    ? { timestamp, token, signature }
    : null;
}

/** Adyen signs eight fields of every item; one bad item spoils the batch. */
export const adyen: Plugin = (settings) => ({
  verify: (received) => {
    const items = jsonBody(received)?.['notificationItems'];
    if (!Array.isArray(items) || items.length === 0)
      return refused(VerificationReason.MALFORMED, 'no notificationItems');
    const references: string[] = [];
    for (const item of items as unknown[]) {
      const request = record(record(item)['NotificationRequestItem']);
      const text = record(request['additionalData'])['hmacSignature'];
      if (typeof text !== 'string')
        return refused(VerificationReason.MISSING_SIGNATURE, 'no hmacSignature in an item');
      const content = adyenContent(request);
      const mac: Mac = {
        algorithm: 'sha256',
        content,
        signature: decodeStrictly(text, 'base64'),
        key: 'hex',
      };
      if (!macMatches(received, { secrets: settings.secrets, mac }))
        return refused(VerificationReason.WRONG_SECRET_OR_BODY);
      references.push(content);
    }
    return accepted({ replayKey: shortDigest(Buffer.from(references.join('\n'))) });
  },
});

function adyenContent(item: Record<string, unknown>): string {
  const amount = record(item['amount']);
  return [
    item['pspReference'],
    item['originalReference'],
    item['merchantAccountCode'],
    item['merchantReference'],
    amount['value'],
    amount['currency'],
    item['eventCode'],
    item['success'],
  ]
    .map(text)
    .join(':');
}

function text(value: unknown): string {
  return typeof value === 'string' || typeof value === 'number' || typeof value === 'boolean'
    ? String(value)
    : '';
}

/** Exact Online signs the bytes of the Content member as they stand in the body. */
export const exactOnline: Plugin = (settings) => ({
  verify: (received) => {
    // Exact posts nothing when a subscription is made and wants success.
    if (received.body.length === 0)
      return refused(VerificationReason.MISSING_SIGNATURE, 'an empty body, as at registration');
    const body = signedBody(received, { over: 'decoded' });
    const content = body === null ? null : rawMember(body, 'Content');
    const hash = jsonBody(received)?.['HashCode'];
    if (content === null || typeof hash !== 'string')
      return refused(VerificationReason.MISSING_SIGNATURE, 'no HashCode beside Content');
    const mac: Mac = { algorithm: 'sha256', content, signature: decodeStrictly(hash, 'hex') };
    return result(received, { secrets: settings.secrets, mac });
  },
});

/** Treezor signs the payload as PHP writes it: escaped slashes, escaped Unicode, members in their order. */
export const treezor: Plugin = (settings) => ({
  verify: (received) => {
    const signature = jsonBody(received)?.['object_payload_signature'];
    if (typeof signature !== 'string')
      return refused(VerificationReason.MISSING_SIGNATURE, 'no object_payload_signature');
    const body = signedBody(received, { over: 'decoded' });
    const payload = body === null ? null : rawMember(body, 'object_payload');
    if (payload === null)
      return refused(VerificationReason.MALFORMED, 'no single object_payload in the body');
    const mac = { algorithm: 'sha256', signature: decodeStrictly(signature, 'base64') } as const;
    const { secrets } = settings;
    const asSent = result(received, { secrets, mac: { ...mac, content: payload } });
    return 'reason' in asSent && asSent.reason === VerificationReason.WRONG_SECRET_OR_BODY
      ? result(received, { secrets, mac: { ...mac, content: phpJson(payload) } })
      : asSent;
  },
});

const STRING_OR_SPACE = /"(?:[^"\\]+|\\.)*"|\s+/gs;

// Written on text and never parsed: numbers and the order of members stay as they were sent.
function phpJson(json: Buffer): string {
  return json
    .toString('utf8')
    .replace(STRING_OR_SPACE, (part) =>
      part.startsWith('"')
        ? part.replace(/\\.|[/\u0080-\uffff]/gs, (unit) => phpCharacter(unit))
        : '',
    );
}

function phpCharacter(unit: string): string {
  if (unit.startsWith('\\')) return unit;
  return unit === '/' ? '\\/' : `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`;
}

function result(
  received: Received,
  { secrets, mac }: { secrets: readonly Secret[]; mac: Mac },
): Verdict {
  if (mac.signature === null)
    return refused(VerificationReason.MALFORMED, 'the signature cannot be decoded');
  return macMatches(received, { secrets, mac })
    ? accepted()
    : refused(VerificationReason.WRONG_SECRET_OR_BODY);
}

const PAYMOB_FIELDS =
  'amount_cents created_at currency error_occured has_parent_transaction id integration_id is_3d_secure is_auth is_capture is_refunded is_standalone_payment is_voided order.id owner pending source_data.pan source_data.sub_type source_data.type success'.split(
    ' ',
  );

/** Paymob signs twenty fields of a transaction; the signature stands in the query. */
export const paymob: Plugin = (settings) => ({
  verify: (received) => {
    const query = new URLSearchParams(received.rawQuery);
    const given = query.getAll('hmac');
    if (given.length > 1) return refused(VerificationReason.DUPLICATE_SIGNATURE);
    if (given[0] === undefined)
      return refused(VerificationReason.MISSING_SIGNATURE, 'no query hmac');
    const transaction = record(jsonBody(received)?.['obj']);
    const content = PAYMOB_FIELDS.map((path) =>
      received.method === 'GET'
        ? (query.get(path) ?? query.get(path.replace('.', '_')) ?? '')
        : text(at(transaction, path)),
    ).join('');
    return result(received, {
      secrets: settings.secrets,
      mac: { algorithm: 'sha512', content, signature: decodeStrictly(given[0], 'hex') },
    });
  },
});

function at(value: Record<string, unknown>, path: string): unknown {
  return path.split('.').reduce<unknown>((found, key) => record(found)[key], value);
}

/** Alipay signs the form's fields, sorted and joined, with RSA-SHA256. */
export const alipay: Plugin = (settings) => ({
  verify: (received) => {
    const form = new URLSearchParams(received.body.toString('utf8'));
    const given = form.getAll('sign');
    if (given.length > 1) return refused(VerificationReason.DUPLICATE_SIGNATURE);
    if (given[0] === undefined)
      return refused(VerificationReason.MISSING_SIGNATURE, 'no form field sign');
    if (form.get('sign_type') !== 'RSA2')
      return refused(VerificationReason.WRONG_ALGORITHM, 'sign_type is not RSA2');
    const signature = decodeStrictly(given[0], 'base64');
    if (signature === null) return refused(VerificationReason.MALFORMED, 'sign is not base64');
    const content = [...form]
      .filter(([name, value]) => name !== 'sign' && name !== 'sign_type' && value !== '')
      .map(([name, value]) => `${name}=${value}`)
      .toSorted()
      .join('&');
    const valid = activeSecrets(settings.secrets, { atMs: received.receivedAtMs }).some(
      ({ value }) => verify('sha256', Buffer.from(content), publicKey(value), signature),
    );
    return valid
      ? accepted({ replayKey: form.get('notify_id') ?? undefined })
      : refused(VerificationReason.WRONG_SECRET_OR_BODY);
  },
});

function publicKey(value: string) {
  return value.startsWith('-----BEGIN')
    ? createPublicKey(value)
    : createPublicKey({ key: Buffer.from(value, 'base64'), format: 'der', type: 'spki' });
}
