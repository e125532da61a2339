import { expect, test } from 'vitest';
import { AttemptErrorCode } from '../../src/domain/outcome.ts';
import { faultOf } from '../../src/egress/error-codes.ts';

const withCode = (code: string) => Object.assign(new Error('connect 10.1.2.3:443'), { code });

test.each([
  ['EAI_AGAIN', 'DNS_LOOKUP_FAILED'],
  ['ENOTFOUND', 'DNS_LOOKUP_FAILED'],
  ['EHOSTUNREACH', 'HOST_UNREACHABLE'],
  ['ENETUNREACH', 'NETWORK_UNREACHABLE'],
  ['EPIPE', 'CONNECTION_RESET'],
  ['ETIMEDOUT', 'TIMEOUT'],
  ['UND_ERR_CONNECT_TIMEOUT', 'TIMEOUT'],
  ['CERT_HAS_EXPIRED', 'SSL_CERT_EXPIRED'],
  ['ERR_SSL_SOMETHING_NEW', 'PROTOCOL_ERROR'],
  ['EMFILE', 'NETWORK_ERROR'],
  ['constructor', 'UNKNOWN'],
])('%s is told as %s', (code, expected) => {
  expect(faultOf(withCode(code)).errorCode).toBe(expected);
});

test('of several addresses that failed, the first failure is told', () => {
  const error = new AggregateError([withCode('ECONNREFUSED'), withCode('ENETUNREACH')]);
  expect(faultOf(error).errorCode).toBe('CONNECTION_REFUSED');
});

test('whatever is thrown has a code of the set and a sentence without addresses', () => {
  for (const thrown of [null, 'text', {}, new Error('10.1.2.3'), withCode('ECONNRESET')]) {
    const { errorCode, message } = faultOf(thrown);
    expect(Object.values(AttemptErrorCode)).toContain(errorCode);
    expect(message).toMatch(/^[A-Z].*\.$/);
    expect(message).not.toContain('10.1.2.3');
  }
});
