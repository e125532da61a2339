import { createHmac } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import { NOW_MS, request, verifyWith } from './support.ts';

const basic = (text: string) => `Basic ${Buffer.from(text).toString('base64')}`;

describe('Basic authentication', () => {
  const config = { auth_type: 'BASIC_AUTH', auth: { username: 'user', password: 'pass:wörd' } };
  const verdict = (...values: string[]) =>
    verifyWith(
      'WEBHOOK',
      config,
      request({ headers: values.map((value) => ['Authorization', value]) }),
    );

  test('accepts the credentials, a colon and an umlaut in them', () => {
    expect(verdict(basic('user:pass:wörd'))).toEqual({ verified: true });
    expect(verdict(basic('user:pass:wörd').replace('Basic', 'bAsIc'))).toEqual({ verified: true });
  });

  test('accepts the old password until its time is over', () => {
    const at = (ms: number) => new Date(ms).toISOString();
    const old = (not_after: string) => ({
      ...config,
      auth: { ...config.auth, previous_secrets: [{ value: 'old', not_after }] },
    });
    const received = request({ headers: [['Authorization', basic('user:old')]] });
    for (const type of ['WEBHOOK', 'PIPEDRIVE'] as const) {
      const own = (not_after: string) =>
        type === 'WEBHOOK' ? old(not_after) : { auth: old(not_after).auth };
      expect(verifyWith(type, own(at(NOW_MS + 1000)), received)).toEqual({ verified: true });
      expect(verifyWith(type, own(at(NOW_MS - 1000)), received)).toMatchObject({
        reason: 'WRONG_CREDENTIALS',
      });
    }
    expect(verdict(basic('user:old'))).toMatchObject({ reason: 'WRONG_CREDENTIALS' });
  });

  test('refuses others, none, two, and what is no base64', () => {
    expect(verdict(basic('user:other'))).toMatchObject({ reason: 'WRONG_CREDENTIALS' });
    expect(verdict(basic('user'))).toMatchObject({ reason: 'WRONG_CREDENTIALS' });
    expect(verdict()).toMatchObject({ reason: 'MISSING_SIGNATURE' });
    expect(verdict(basic('user:pass:wörd'), basic('user:pass:wörd'))).toMatchObject({
      reason: 'DUPLICATE_SIGNATURE',
    });
    expect(verdict('Basic ***')).toMatchObject({ reason: 'MALFORMED' });
    expect(verdict('Bearer x')).toMatchObject({ reason: 'MALFORMED' });
  });
});

describe('API keys and tokens', () => {
  test('in a header, in the query, as a bearer, in the body', () => {
    const inHeader = { auth_type: 'API_KEY', auth: { header_key: 'X-My-Key', api_key: 'k' } };
    expect(verifyWith('HTTP', inHeader, request({ headers: [['x-my-key', 'k']] }))).toEqual({
      verified: true,
    });
    expect(verifyWith('HTTP', inHeader, request({ headers: [['x-my-key', 'K']] }))).toMatchObject({
      reason: 'WRONG_CREDENTIALS',
    });
    const inQuery = { auth_type: 'API_KEY', auth: { query_key: 'key', api_key: 'a b&c' } };
    expect(verifyWith('HTTP', inQuery, request({ rawQuery: 'key=a%20b%26c' }))).toEqual({
      verified: true,
    });
    expect(verifyWith('HTTP', inQuery, request({ rawQuery: 'key=a%20b%26c&key=x' }))).toMatchObject(
      { reason: 'DUPLICATE_SIGNATURE' },
    );
    const bearer = { auth_type: 'BEARER', auth: { token: 't' } };
    expect(
      verifyWith('HTTP', bearer, request({ headers: [['authorization', 'Bearer t']] })),
    ).toEqual({ verified: true });
    expect(
      verifyWith('HTTP', bearer, request({ headers: [['authorization', 't']] })),
    ).toMatchObject({ reason: 'MALFORMED' });
    const aircall = { auth: { webhook_secret_key: 't' } };
    expect(verifyWith('AIRCALL', aircall, request({ body: Buffer.from('{"token":"t"}') }))).toEqual(
      { verified: true },
    );
    expect(
      verifyWith('AIRCALL', aircall, request({ body: Buffer.from('{"token":["t"]}') })),
    ).toMatchObject({ verified: false });
  });

  test('GitLab’s token, old and new while it is rotated', () => {
    const config = {
      auth: {
        api_key: 'new',
        previous_secrets: [{ value: 'old', not_after: new Date(NOW_MS).toISOString() }],
      },
    };
    const verdict = (token: string, atMs = NOW_MS) =>
      verifyWith(
        'GITLAB',
        config,
        request({ receivedAtMs: atMs, headers: [['X-Gitlab-Token', token]] }),
      );
    expect([verdict('new'), verdict('old')]).toEqual([{ verified: true }, { verified: true }]);
    expect(verdict('old', NOW_MS + 1)).toMatchObject({ reason: 'WRONG_CREDENTIALS' });
    expect(verdict('new ')).toMatchObject({ hint: /spaces/ });
  });

  test('the name of a client certificate as the proxy forwards it', () => {
    const config = {
      auth_type: 'MTLS_HEADER',
      auth: { header_key: 'X-SSL-Client-Fingerprint', expected: 'AB:CD' },
    };
    expect(
      verifyWith('WEBHOOK', config, request({ headers: [['x-ssl-client-fingerprint', 'AB:CD']] })),
    ).toEqual({ verified: true });
    const doubled = request({
      headers: [
        ['x-ssl-client-fingerprint', 'AB:CD'],
        ['X-SSL-Client-Fingerprint', 'EF'],
      ],
    });
    expect(verifyWith('WEBHOOK', config, doubled)).toMatchObject({ reason: 'DUPLICATE_SIGNATURE' });
  });
});

describe('HMAC as configured', () => {
  const body = Buffer.from('{"id":"evt_1"}');

  test.each(['md5', 'sha1', 'sha256', 'sha384', 'sha512'])('%s, in every encoding', (algorithm) => {
    for (const encoding of ['hex', 'base64', 'base64url'] as const) {
      const config = {
        auth_type: 'HMAC',
        auth: { algorithm, encoding, header_key: 'X-Sig', webhook_secret_key: 's' },
      };
      const value = createHmac(algorithm, 's').update(body).digest(encoding);
      expect(verifyWith('WEBHOOK', config, request({ headers: [['x-sig', value]] }))).toEqual({
        verified: true,
      });
    }
  });

  test('with a template, a prefix, a timestamp and an encoded secret', () => {
    const at = String(Math.floor(NOW_MS / 1000));
    const auth = {
      header_key: 'X-Sig',
      webhook_secret_key: 'c2VjcmV0',
      secret_encoding: 'base64',
      signature_prefix: 'v2=',
      signed_content: '{method} {path}?{query}\n{header:X-At}\n{body}',
      timestamp_header: 'X-At',
    };
    const content = `POST /in/orders?shop=1&name=caf%C3%A9\n${at}\n${body.toString()}`;
    const value = `v2=${createHmac('sha256', 'secret').update(content).digest('hex')}`;
    const received = request({
      headers: [
        ['X-Sig', value],
        ['X-At', at],
      ],
    });
    expect(verifyWith('WEBHOOK', { auth_type: 'HMAC', auth }, received)).toMatchObject({
      verified: true,
      replayKey: expect.any(String),
    });
    expect(
      verifyWith(
        'WEBHOOK',
        { auth_type: 'HMAC', auth },
        { ...received, receivedAtMs: NOW_MS + 400_000 },
      ),
    ).toMatchObject({ reason: 'TIMESTAMP_TOO_OLD' });
    expect(verifyWith('ASCEND', { auth }, received)).toMatchObject({ verified: true });
  });

  test('any provider’s way can be chosen for a webhook', () => {
    const value = `sha256=${createHmac('sha256', 's').update(body).digest('hex')}`;
    const config = { auth_type: 'GITHUB', auth: { webhook_secret_key: 's' } };
    expect(
      verifyWith('WEBHOOK', config, request({ headers: [['X-Hub-Signature-256', value]] })),
    ).toEqual({ verified: true });
  });
});
