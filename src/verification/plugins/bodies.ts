import type { JsonValues } from '../body/json.ts';
import { LATER } from '../body/aside.ts';
import { decodeStrictly } from '../engine/decoders.ts';
import type { Received } from '../received.ts';
import { refused, VerificationReason } from '../verdict.ts';
import { jsonIn } from './json-body.ts';
import { macVerdict } from './mac.ts';
import { phpJson } from './php-json.ts';
import type { Plugin } from './plugin.ts';

/** Exact Online signs the bytes of the Content member as they stand in the body. */
export const exactOnline: Plugin = (settings) => ({
  verify: (received) => {
    // Exact posts nothing when a subscription is made and wants success.
    if (received.body.length === 0)
      return refused(VerificationReason.MISSING_SIGNATURE, 'an empty body, as at registration');
    const json = jsonIn(received, ['Content', 'HashCode']);
    if ('reason' in json) return json;
    const content = json.raw('Content');
    const hash = json.text('HashCode');
    if (content === undefined || hash === undefined)
      return refused(VerificationReason.MISSING_SIGNATURE, 'no HashCode beside Content');
    const mac = { algorithm: 'sha256', content, signature: decodeStrictly(hash, 'hex') } as const;
    return macVerdict(received, { secrets: settings.secrets, mac });
  },
});

/** Treezor signs the payload as PHP writes it: escaped slashes, escaped Unicode, members in their order. */
export const treezor: Plugin = (settings) => ({
  verify: (received) => {
    const json = jsonIn(received, ['object_payload', 'object_payload_signature']);
    if ('reason' in json) return json;
    const signature = json.text('object_payload_signature');
    if (signature === undefined)
      return refused(VerificationReason.MISSING_SIGNATURE, 'no object_payload_signature');
    const payload = json.raw('object_payload');
    if (payload === undefined)
      return refused(VerificationReason.MALFORMED, 'no object_payload in the body');
    const mac = { algorithm: 'sha256', signature: decodeStrictly(signature, 'base64') } as const;
    const { secrets } = settings;
    const asSent = macVerdict(received, { secrets, mac: { ...mac, content: payload } });
    if (!('reason' in asSent) || asSent.reason !== VerificationReason.WRONG_SECRET_OR_BODY)
      return asSent;
    const content = phpJson(received, payload);
    return content === LATER
      ? refused(VerificationReason.MALFORMED, 'the body was not read yet')
      : macVerdict(received, { secrets, mac: { ...mac, content } });
  },
});

const TRANSACTION =
  'amount_cents created_at currency error_occured has_parent_transaction id integration_id is_3d_secure is_auth is_capture is_refunded is_standalone_payment is_voided order.id owner pending source_data.pan source_data.sub_type source_data.type success'.split(
    ' ',
  );
const CARD_TOKEN = 'card_subtype created_at email id masked_pan merchant_id order_id token'.split(
  ' ',
);

/** Paymob signs twenty fields of a transaction, or eight of a saved card; the signature stands in the query. */
export const paymob: Plugin = (settings) => ({
  verify: (received) => {
    const query = new URLSearchParams(received.rawQuery);
    const given = query.getAll('hmac');
    if (given.length > 1) return refused(VerificationReason.DUPLICATE_SIGNATURE);
    if (given[0] === undefined)
      return refused(VerificationReason.MISSING_SIGNATURE, 'no query hmac');
    const content = received.method === 'GET' ? queryContent(query) : bodyContent(received);
    if (typeof content !== 'string') return content;
    return macVerdict(received, {
      secrets: settings.secrets,
      mac: { algorithm: 'sha512', content, signature: decodeStrictly(given[0], 'hex') },
    });
  },
});

function queryContent(query: URLSearchParams): string {
  return TRANSACTION.map((path) => query.get(path) ?? query.get(path.replace('.', '_')) ?? '').join(
    '',
  );
}

function bodyContent(received: Received) {
  const all = [...new Set([...TRANSACTION, ...CARD_TOKEN])];
  const json = jsonIn(received, ['type', ...all.map((path) => `obj.${path}`)]);
  if ('reason' in json) return json;
  return contentOf(json, json.text('type') === 'TOKEN' ? CARD_TOKEN : TRANSACTION);
}

function contentOf(json: JsonValues, paths: readonly string[]): string {
  return paths.map((path) => json.text(`obj.${path}`) ?? '').join('');
}
