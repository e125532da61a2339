import { expect, test } from 'vitest';
import { endpointAt, urlAt } from '../../src/processes/address.ts';

test.each([
  ['127.0.0.1', '127.0.0.1:8300', 'http://127.0.0.1:8300'],
  ['0.0.0.0', '0.0.0.0:8300', 'http://127.0.0.1:8300'],
  ['::1', '[::1]:8300', 'http://[::1]:8300'],
  ['::', '[::]:8300', 'http://[::1]:8300'],
  ['0:0:0:0:0:0:0:0', '[0:0:0:0:0:0:0:0]:8300', 'http://[::1]:8300'],
  ['2001:db8::7', '[2001:db8::7]:8300', 'http://[2001:db8::7]:8300'],
  ['fe80::1%eth0', '[fe80::1]:8300', 'http://[fe80::1]:8300'],
  ['sluice.internal', 'sluice.internal:8300', 'http://sluice.internal:8300'],
])('what listens at %s is the endpoint %s, and reached at %s', (host, endpoint, url) => {
  expect(endpointAt(host, 8300)).toBe(endpoint);
  expect(urlAt(host, 8300)).toBe(url);
  expect(new URL(url).port).toBe('8300');
});
