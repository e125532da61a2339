import { createHmac } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import { compileVerifier } from '../../src/verification/compile.ts';
import { answerHandshake } from '../../src/verification/handshakes.ts';
import { headersOf, NOW_MS, request } from './support.ts';

const secret = 'the secret';
const config = { auth: { webhook_secret_key: secret } };

describe('Xero’s intent to receive', () => {
  const ask = (headers: Record<string, string>, events: object[] = []) => {
    const body = Buffer.from(JSON.stringify({ events, entropy: 'S0m3r4Nd0mt3xt' }));
    const right = createHmac('sha256', secret).update(body).digest('base64');
    const filled = Object.entries(headers).map(([name, value]) => [name, value || right] as const);
    return request({ body, headers: filled });
  };

  test('is a question: 200 for a good signature, exactly 401 for a bad one or none', () => {
    const answer = (headers: Record<string, string>) =>
      answerHandshake('XERO', ask(headers), config);
    expect(answer({ 'x-xero-signature': '' })).toMatchObject({
      status: 200,
      body: '',
      verified: true,
    });
    const bad = answer({ 'x-xero-signature': 'bm8=' });
    expect(bad).toMatchObject({ status: 401, body: '' });
    expect(bad).not.toHaveProperty('verified');
    expect(answer({})).toMatchObject({ status: 401 });
  });

  test('events are none, and without a secret nothing is judged', () => {
    const event = ask({ 'x-xero-signature': '' }, [{ eventId: '1' }]);
    expect(answerHandshake('XERO', event, config)).toBeNull();
    expect(answerHandshake('XERO', ask({}), {})).toMatchObject({ status: 200 });
  });
});

test('Google Drive’s sync opens a channel: a question, judged by the channel’s token', () => {
  const drive = { auth: { token: 't' } };
  const ask = (token: string, state = 'sync') =>
    request({
      body: Buffer.alloc(0),
      headers: headersOf({ 'X-Goog-Resource-State': state, 'X-Goog-Channel-Token': token }),
    });
  expect(answerHandshake('GOOGLE_DRIVE', ask('t'), drive)).toMatchObject({
    status: 200,
    verified: true,
  });
  expect(answerHandshake('GOOGLE_DRIVE', ask('x'), drive)).toMatchObject({ status: 401 });
  expect(answerHandshake('GOOGLE_DRIVE', ask('x'), {})).toMatchObject({ status: 200 });
  expect(answerHandshake('GOOGLE_DRIVE', ask('t', 'update'), drive)).toBeNull();
});

test('a question that was signed says so, one that nobody signs does not', () => {
  const body = '{"challenge":"c","subscription":{}}';
  const time = new Date(NOW_MS).toISOString();
  const mac = createHmac('sha256', secret).update(`m-1${time}${body}`).digest('hex');
  const twitch = request({
    body: Buffer.from(body),
    headers: headersOf({
      'twitch-eventsub-message-type': 'webhook_callback_verification',
      'twitch-eventsub-message-id': 'm-1',
      'twitch-eventsub-message-timestamp': time,
      'twitch-eventsub-message-signature': `sha256=${mac}`,
    }),
  });
  expect(answerHandshake('TWITCH', twitch, config)).toMatchObject({ verified: true });
  const slack = request({ body: Buffer.from('{"type":"url_verification","challenge":"c"}') });
  expect(answerHandshake('SLACK', slack, config)).not.toHaveProperty('verified');
});

test.each(['TWITCH', 'DISCORD', 'XERO', 'GOOGLE_DRIVE'] as const)(
  '%s’s question is judged in the answer: none of its verdicts is deferred',
  (type) => {
    const auth = { webhook_secret_key: secret, public_key: 'a'.repeat(64), token: 't' };
    expect(compileVerifier(type, { auth })).not.toHaveProperty('settle');
  },
);
