import { createPublicKey, createVerify, verify, X509Certificate } from 'node:crypto';
import { crc32 } from 'node:zlib';
import { decodeStrictly } from '../engine/decoders.ts';
import { shortDigest } from '../engine/engine.ts';
import { checkTimestamp, parseTimestamp } from '../engine/timestamp.ts';
import { pinnedUrl } from '../pinned-urls.ts';
import {
  headerValues,
  notDecodable,
  signedBody,
  singleHeader,
  type Received,
} from '../received.ts';
import { accepted, refused, VerificationReason, type Refused } from '../verdict.ts';
import { jsonIn } from './json-body.ts';
import { textField, type Plugin } from './plugin.ts';

// SNS retries for up to an hour with the timestamp of the first try.
const SNS_TOLERANCE_MS = 3_600_000;

const NOTIFICATION_KEYS = ['Message', 'MessageId', 'Subject', 'Timestamp', 'TopicArn', 'Type'];
const SUBSCRIPTION_KEYS = [
  'Message',
  'MessageId',
  'SubscribeURL',
  'Timestamp',
  'Token',
  'TopicArn',
  'Type',
];

const SNS_MEMBERS = [
  ...new Set([...NOTIFICATION_KEYS, ...SUBSCRIPTION_KEYS]),
  'Signature',
  'SignatureVersion',
  'SigningCertURL',
];

/** The members of a message that count, as texts. */
type SnsMessage = ReadonlyMap<string, string>;

/** Amazon SNS signs chosen members of the JSON body with a certificate named in it. */
export const sns: Plugin = (settings) => ({
  // What cannot be right is refused without a fetch; only a well-formed message is worth one.
  verify: (received) => {
    const message = readSnsMessage(received);
    if ('reason' in message) return message;
    return message.get('Signature') === undefined
      ? refused(VerificationReason.MISSING_SIGNATURE, rawDelivery(received))
      : (checkSnsUrl(message) ?? { deferred: true });
  },
  settle: async (received, keys) => {
    const message = readSnsMessage(received);
    if ('reason' in message) return message;
    const untrusted = checkSnsUrl(message);
    if (untrusted !== null) return untrusted;
    const got = await keys.certificate(String(message.get('SigningCertURL')));
    if ('reason' in got) return got;
    if (!isSnsSignature(message, got.pem)) return refused(VerificationReason.WRONG_SECRET_OR_BODY);
    const topic = textField(settings, 'topic_arn');
    // SNS signs for every customer alike, so only the topic says whose message it is.
    if (topic !== '' && topic !== message.get('TopicArn'))
      return refused(VerificationReason.WRONG_CLAIMS, 'another topic');
    const late = checkSnsAge(message, {
      received,
      toleranceMs: settings.toleranceMs ?? SNS_TOLERANCE_MS,
    });
    return late ?? accepted({ replayKey: String(message.get('MessageId')) });
  },
});

function readSnsMessage(received: Received): SnsMessage | Refused {
  const json = jsonIn(received, SNS_MEMBERS);
  if ('reason' in json) {
    const hint = rawDelivery(received);
    return hint === undefined ? json : refused(VerificationReason.MISSING_SIGNATURE, hint);
  }
  const members = SNS_MEMBERS.map((name) => [name, json.text(name)] as const);
  return new Map(members.filter((one): one is [string, string] => one[1] !== undefined));
}

function rawDelivery(received: Received): string | undefined {
  return singleHeader(received, 'x-amz-sns-rawdelivery') === 'true'
    ? 'raw message delivery is on: SNS signs nothing then'
    : undefined;
}

function checkSnsUrl(message: SnsMessage): Refused | null {
  const url = pinnedUrl(message.get('SigningCertURL'), 'sns');
  return url?.pathname.endsWith('.pem') === true
    ? null
    : refused(
        VerificationReason.UNTRUSTED_KEY_URL,
        'SigningCertURL is not an https address of SNS',
      );
}

function isSnsSignature(message: SnsMessage, pem: string): boolean {
  const algorithm = { '1': 'sha1', '2': 'sha256' }[String(message.get('SignatureVersion'))];
  const signature = decodeStrictly(String(message.get('Signature')), 'base64');
  if (algorithm === undefined || signature === null) return false;
  const keys = message.get('Type') === 'Notification' ? NOTIFICATION_KEYS : SUBSCRIPTION_KEYS;
  const verifier = createVerify(algorithm);
  for (const key of keys) {
    const value = message.get(key);
    if (value !== undefined) verifier.update(`${key}\n${value}\n`);
  }
  try {
    return verifier.verify(new X509Certificate(pem).publicKey, signature);
  } catch {
    return false;
  }
}

function checkSnsAge(
  message: SnsMessage,
  { received, toleranceMs }: { received: Received; toleranceMs: number },
): Refused | null {
  const signedAtMs = parseTimestamp(String(message.get('Timestamp')), 'iso');
  if (signedAtMs === null) return refused(VerificationReason.MALFORMED, 'Timestamp cannot be read');
  return toleranceMs === 0
    ? null
    : checkTimestamp(signedAtMs, { receivedAtMs: received.receivedAtMs, toleranceMs });
}

// PayPal retries for three days and keeps the time of the first try.
const PAYPAL_TOLERANCE_MS = 3 * 86_400_000;
const PAYPAL_HEADERS = [
  'transmission-id',
  'transmission-time',
  'transmission-sig',
  'cert-url',
  'auth-algo',
] as const;

/** PayPal signs id, time, webhook id and the CRC of the body with a certificate named in a header. */
export const paypal: Plugin = (settings) => ({
  verify: (received) => {
    const headers = paypalHeaders(received);
    return 'reason' in headers ? headers : { deferred: true };
  },
  settle: async (received, keys) => {
    const headers = paypalHeaders(received);
    if ('reason' in headers) return headers;
    const got = await keys.certificate(headers.certificateUrl);
    if ('reason' in got) return got;
    const body = signedBody(received, { over: 'decoded' });
    if (body === null) return notDecodable(received);
    const content = [headers.id, headers.time, textField(settings, 'webhook_id'), crc32(body)].join(
      '|',
    );
    const key = new X509Certificate(got.pem).publicKey;
    if (!verify('sha256', Buffer.from(content), key, headers.signature)) {
      return refused(VerificationReason.WRONG_SECRET_OR_BODY, 'check the webhook id');
    }
    const signedAtMs = parseTimestamp(headers.time, 'iso');
    if (signedAtMs === null)
      return refused(VerificationReason.MALFORMED, 'the time cannot be read');
    const toleranceMs = settings.toleranceMs ?? PAYPAL_TOLERANCE_MS;
    const late =
      toleranceMs === 0
        ? null
        : checkTimestamp(signedAtMs, { receivedAtMs: received.receivedAtMs, toleranceMs });
    return late ?? accepted({ replayKey: headers.id });
  },
});

type PaypalHeaders = { id: string; time: string; signature: Buffer; certificateUrl: string };

function paypalHeaders(received: Received): PaypalHeaders | Refused {
  const values = PAYPAL_HEADERS.map((name) => headerValues(received, { name: `paypal-${name}` }));
  if (values.some((found) => found.length > 1))
    return refused(VerificationReason.DUPLICATE_SIGNATURE);
  const [id, time, text, url, algorithm] = values.map((found) => found[0]);
  if (text === undefined)
    return refused(VerificationReason.MISSING_SIGNATURE, 'no header paypal-transmission-sig');
  const signature = decodeStrictly(text, 'base64');
  if (id === undefined || time === undefined || signature === null)
    return refused(VerificationReason.MALFORMED);
  if (algorithm !== 'SHA256withRSA') return refused(VerificationReason.WRONG_ALGORITHM);
  if (pinnedUrl(url, 'paypal') === null) {
    return refused(
      VerificationReason.UNTRUSTED_KEY_URL,
      'paypal-cert-url is not an https address of PayPal',
    );
  }
  return { id, time, signature, certificateUrl: String(url) };
}

const UUID = /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i;

/** Circle signs the body with a P-256 key that its API hands out by id. */
export const circle: Plugin = (settings) => ({
  verify: (received) => {
    const signed = circleSignature(received);
    return 'reason' in signed ? signed : { deferred: true };
  },
  settle: async (received, keys) => {
    const signed = circleSignature(received);
    if ('reason' in signed) return signed;
    const url = `https://api.circle.com/v2/notifications/publicKey/${signed.keyId}`;
    const got = await keys.json(url, {
      fetch: { headers: { authorization: `Bearer ${textField(settings, 'api_key')}` } },
    });
    if ('reason' in got) return got;
    const data = (got.value as { data?: { publicKey?: unknown } } | null)?.data;
    const key = createPublicKey({
      key: Buffer.from(String(data?.publicKey), 'base64'),
      format: 'der',
      type: 'spki',
    });
    if (key.asymmetricKeyType !== 'ec') return refused(VerificationReason.WRONG_ALGORITHM);
    return verify('sha256', received.body, key, signed.signature)
      ? accepted({ replayKey: shortDigest(received.body) })
      : refused(VerificationReason.WRONG_SECRET_OR_BODY);
  },
});

function circleSignature(received: Received): { keyId: string; signature: Buffer } | Refused {
  const keyId = singleHeader(received, 'x-circle-key-id');
  const text = singleHeader(received, 'x-circle-signature');
  if (text === undefined)
    return refused(VerificationReason.MISSING_SIGNATURE, 'no single header x-circle-signature');
  const signature = decodeStrictly(text, 'base64');
  return signature === null || keyId === undefined || !UUID.test(keyId)
    ? refused(VerificationReason.MALFORMED)
    : { keyId, signature };
}
