import { sign } from 'node:crypto';
import { EventEmitter } from 'node:events';
import https from 'node:https';
import SnsValidator from 'sns-validator';
import { afterEach, describe, expect, test, vi } from 'vitest';
import { selfSigned } from './certificate.ts';
import { network, NOW_MS, request, settleWith, verifyWith } from './support.ts';

const certificate = selfSigned({ fromMs: NOW_MS - 86_400_000, toMs: NOW_MS + 86_400_000 });
const SNS_URL = 'https://sns.eu-west-1.amazonaws.com/SimpleNotificationService-1.pem';

function snsMessage(changes: Record<string, string> = {}, version: '1' | '2' = '2') {
  const message: Record<string, string> = {
    Type: 'Notification',
    MessageId: 'm-1',
    TopicArn: 'arn:aws:sns:eu-west-1:1:orders',
    Subject: 'Bestellung für Zoë',
    Message: '{"order":1}\nline',
    Timestamp: new Date(NOW_MS).toISOString(),
    SignatureVersion: version,
    SigningCertURL: SNS_URL,
    ...changes,
  };
  const keys = [
    'Message',
    'MessageId',
    'Subject',
    'SubscribeURL',
    'Timestamp',
    'Token',
    'TopicArn',
    'Type',
  ];
  const content = keys
    .filter((key) => message[key] !== undefined)
    .map((key) => `${key}\n${message[key]}\n`)
    .join('');
  const signature = sign(
    version === '1' ? 'sha1' : 'sha256',
    Buffer.from(content),
    certificate.privateKey,
  );
  return { ...message, Signature: signature.toString('base64') };
}

const snsRequest = (message: object) =>
  request({
    body: Buffer.from(JSON.stringify(message)),
    headers: [['Content-Type', 'text/plain; charset=UTF-8']],
  });

function snsNetwork() {
  return network({ [SNS_URL]: certificate.pem });
}

describe('Amazon SNS', () => {
  afterEach(() => {
    vi.restoreAllMocks();
  });

  test.each(['1', '2'] as const)(
    'accepts signature version %s, as the official validator does',
    async (version) => {
      const message = snsMessage({}, version);
      const net = snsNetwork();
      const received = snsRequest(message);
      expect(verifyWith('AWS_SNS', {}, received)).toEqual({ deferred: true });
      expect(await settleWith('AWS_SNS', {}, { received, keys: net.keys })).toEqual({
        verified: true,
        replayKey: 'm-1',
        idempotencyKey: 'm-1',
      });
      expect(await officialAccepts(message)).toBe(true);
    },
  );

  test('signs a subscription confirmation with its own set of members', async () => {
    const message = snsMessage({
      Type: 'SubscriptionConfirmation',
      Token: 'token',
      SubscribeURL: 'https://sns.eu-west-1.amazonaws.com/?Action=ConfirmSubscription',
    });
    delete (message as Record<string, string>)['Subject'];
    const resigned = snsMessageWithout('Subject', message);
    const verdict = await settleWith(
      'AWS_SNS',
      {},
      { received: snsRequest(resigned), keys: snsNetwork().keys },
    );
    expect(verdict).toMatchObject({ verified: true });
    expect(await officialAccepts(resigned)).toBe(true);
  });

  test('refuses any signed member that was changed', async () => {
    for (const key of [
      'Message',
      'MessageId',
      'Subject',
      'Timestamp',
      'TopicArn',
      'Type',
    ] as const) {
      const message: Record<string, string> = { ...snsMessage() };
      message[key] =
        key === 'Timestamp' ? new Date(NOW_MS + 1000).toISOString() : `${message[key]}x`;
      const verdict = await settleWith(
        'AWS_SNS',
        {},
        { received: snsRequest(message), keys: snsNetwork().keys },
      );
      expect(verdict).toMatchObject({ verified: false, reason: 'WRONG_SECRET_OR_BODY' });
    }
  });

  test.each([
    'http://sns.eu-west-1.amazonaws.com/a.pem',
    'https://sns.eu-west-1.amazonaws.com.evil.example/a.pem',
    'https://evil.example/sns.eu-west-1.amazonaws.com/a.pem',
    'https://sns.eu-west-1.amazonaws.com@evil.example/a.pem',
    'https://evil.example\\@sns.eu-west-1.amazonaws.com/a.pem',
    'https://user:pass@sns.eu-west-1.amazonaws.com/a.pem',
    'https://sns.eu-west-1.amazonaws.com:8443/a.pem',
    'https://sns.eu-west-1.amazonaws.com/a.txt',
    'https://sns.eu-west-1.amazonaws.com/a.txt?.pem',
    'https://s3.eu-west-1.amazonaws.com/a.pem',
    'https://xsns.eu-west-1.amazonaws.com/a.pem',
    'https://sns.eu-west-1.amazonaws.com%2eevil.example/a.pem',
    'https://169.254.169.254/a.pem',
    'file:///etc/passwd.pem',
    '',
  ])('never fetches a certificate from %s', async (url) => {
    const net = snsNetwork();
    const received = snsRequest(snsMessage({ SigningCertURL: url }));
    const verdict = await settleWith('AWS_SNS', {}, { received, keys: net.keys });
    expect(verdict).toMatchObject({ verified: false, reason: 'UNTRUSTED_KEY_URL' });
    expect(net.asked).toEqual([]);
  });

  test('fetches a certificate once, and refuses one that is not valid now', async () => {
    const net = snsNetwork();
    for (const id of ['a', 'b', 'c']) {
      await settleWith(
        'AWS_SNS',
        {},
        { received: snsRequest(snsMessage({ MessageId: id })), keys: net.keys },
      );
    }
    expect(net.asked).toEqual([SNS_URL]);
    net.pass(2 * 86_400_000);
    const late = { ...snsRequest(snsMessage()), receivedAtMs: NOW_MS };
    expect(await settleWith('AWS_SNS', {}, { received: late, keys: net.keys })).toMatchObject({
      verified: false,
    });
  });

  test('says when raw delivery is on, and takes only its own topic where one is set', async () => {
    const raw = request({ headers: [['x-amz-sns-rawdelivery', 'true']] });
    expect(verifyWith('AWS_SNS', {}, raw)).toMatchObject({
      reason: 'MISSING_SIGNATURE',
      hint: /raw message delivery/,
    });
    const config = { auth: { topic_arn: 'arn:aws:sns:eu-west-1:1:others' } };
    const verdict = await settleWith('AWS_SNS', config, {
      received: snsRequest(snsMessage()),
      keys: snsNetwork().keys,
    });
    expect(verdict).toMatchObject({ verified: false, reason: 'WRONG_CLAIMS' });
  });
});

function snsMessageWithout(key: string, message: Record<string, string>) {
  const rest = Object.fromEntries(
    Object.entries(message).filter(([name]) => name !== key && name !== 'Signature'),
  );
  const keys = ['Message', 'MessageId', 'SubscribeURL', 'Timestamp', 'Token', 'TopicArn', 'Type'];
  const content = keys.map((name) => `${name}\n${rest[name]}\n`).join('');
  return {
    ...rest,
    Signature: sign('sha256', Buffer.from(content), certificate.privateKey).toString('base64'),
  };
}

// The validator fetches with https.get; it is handed the certificate instead of the network.
async function officialAccepts(message: object): Promise<boolean> {
  vi.spyOn(https, 'get').mockImplementation(((
    _url: string,
    answer: (response: unknown) => void,
  ) => {
    const response = Object.assign(new EventEmitter(), { statusCode: 200 });
    answer(response);
    response.emit('data', Buffer.from(certificate.pem));
    response.emit('end');
    return new EventEmitter();
  }) as never);
  const validator = new SnsValidator();
  return new Promise((resolve) => {
    validator.validate(message as Record<string, unknown>, (error: Error | null) =>
      resolve(error === null),
    );
  });
}
