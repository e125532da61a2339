import { sign } from 'node:crypto';
import { createKeys } from '../../../src/verification/keys.ts';
import type { FetchDocument } from '../../../src/verification/verifier.ts';
import { selfSigned } from '../../verification/certificate.ts';
import type { Send } from './ingest.ts';

const DAY_MS = 86_400_000;
export const SNS_HOST = 'sns.eu-west-1.amazonaws.com';
const CERTIFICATE_URL = `https://${SNS_HOST}/SimpleNotificationService-1.pem`;
/** Looks like one of Amazon's, and is on no host there is. */
export const NOWHERE_URL = 'https://sns.no-such-9.amazonaws.com/SimpleNotificationService-1.pem';
const certificate = selfSigned({ fromMs: Date.now() - DAY_MS, toMs: Date.now() + DAY_MS });
/** What stands at the address that each message names. */
export const CERTIFICATE_PEM = certificate.pem;
const SIGNED = ['Message', 'MessageId', 'SubscribeURL', 'Timestamp', 'Token', 'TopicArn', 'Type'];

/** A message as Amazon SNS signs it. */
export function snsMessage(changes: Record<string, string> = {}): Record<string, string> {
  const message: Record<string, string> = {
    Type: 'Notification',
    MessageId: 'm-1',
    TopicArn: 'arn:aws:sns:eu-west-1:1:orders',
    Message: '{"order":1}',
    Timestamp: new Date().toISOString(),
    SignatureVersion: '2',
    SigningCertURL: CERTIFICATE_URL,
    ...changes,
  };
  const content = SIGNED.filter((key) => message[key] !== undefined)
    .map((key) => `${key}\n${message[key]}\n`)
    .join('');
  const signature = sign('sha256', Buffer.from(content), certificate.privateKey);
  return { ...message, Signature: signature.toString('base64') };
}

/** What SNS posts. */
export function snsRequest(message: object): Send {
  return {
    headers: { 'content-type': 'text/plain; charset=UTF-8' },
    body: JSON.stringify(message),
  };
}

/** The network as far as it is Amazon's: it can go away, and counts how often it is asked. */
export function snsNetwork() {
  const state = { asked: 0, isAway: false };
  const fetchDocument: FetchDocument = (url) => {
    state.asked++;
    if (state.isAway) return Promise.reject(new Error('connect ECONNREFUSED'));
    if (url === NOWHERE_URL) return Promise.reject(new Error('getaddrinfo ENOTFOUND'));
    const isThere = url === CERTIFICATE_URL;
    return Promise.resolve({
      status: isThere ? 200 : 404,
      body: Buffer.from(isThere ? certificate.pem : ''),
    });
  };
  // A clock that jumps: a failure is remembered for seconds, and no test waits that long.
  let nowMs = Date.now();
  const keys = createKeys({ fetchDocument, now: () => (nowMs += 3_000) });
  return { keys, state };
}
