import { expect, test } from 'vitest';
import { createTrust, senderOf } from '../../../src/api/edge/addresses.ts';
import { readForwarded } from '../../../src/api/edge/forwarded.ts';

const trust = createTrust(['10.0.0.0/8', '192.0.2.7', 'fd00::/8']);
const from = (peer: string | null, headers: Record<string, string>) =>
  readForwarded(headers, { peer, trust });
const nothing = { proto: null, host: null };

test('a network of proxies may be written in IPv4-mapped notation', () => {
  const mapped = createTrust(['::ffff:10.0.0.0/104', '::ffff:192.0.2.7']);
  expect(['10.1.2.3', '::ffff:10.1.2.3', '192.0.2.7'].map(mapped)).toEqual([true, true, true]);
  expect(['11.0.0.1', '192.0.2.8', '::a01:203'].map(mapped)).toEqual([false, false, false]);
});

test('who is no proxy of ours is believed nothing', () => {
  const headers = {
    'x-forwarded-for': '1.1.1.1',
    'x-forwarded-proto': 'https',
    'x-forwarded-host': 'evil.example',
    forwarded: 'for=1.1.1.1;proto=https;host=evil.example',
  };
  expect(from('203.0.113.9', headers)).toEqual({ address: '203.0.113.9', ...nothing });
  expect(from(null, headers)).toEqual({ address: null, ...nothing });
});

test.each([
  ['one proxy', '203.0.113.9', '203.0.113.9'],
  ['what a sender wrote before it', '1.1.1.1, 203.0.113.9', '203.0.113.9'],
  ['an address of ours that a sender wrote', '10.9.9.9, 203.0.113.9', '203.0.113.9'],
  ['two proxies', '1.1.1.1, 203.0.113.9, 192.0.2.7', '203.0.113.9'],
  ['proxies alone', '10.0.0.9, 10.0.0.8', '10.0.0.9'],
  ['a port', '203.0.113.9:4711', '203.0.113.9'],
  ['IPv6', '2001:db8::1', '2001:db8::1'],
  ['IPv6 in brackets', '[2001:DB8:0::1]', '2001:db8::1'],
  ['IPv6 with a port', '[2001:db8::1]:4711', '2001:db8::1'],
  ['IPv4 in IPv6', '::ffff:203.0.113.9', '203.0.113.9'],
  ['a proxy by IPv6', '203.0.113.9, fd00::5', '203.0.113.9'],
  ['what our proxy does not know', 'unknown', '10.0.0.1'],
  ['no address at last', '203.0.113.9, nonsense', '10.0.0.1'],
  ['a number', '203.0.113.9, 1', '10.0.0.1'],
  ['an octal address', '0313.0.0.1', '10.0.0.1'],
  ['nothing', '', '10.0.0.1'],
])('the right-most address that is no proxy of ours asks: %s', (_what, header, address) => {
  expect(from('10.0.0.1', { 'x-forwarded-for': header }).address).toBe(address);
});

test.each([
  ['one', 'for=203.0.113.9', '203.0.113.9'],
  ['in another case', 'For="203.0.113.9"', '203.0.113.9'],
  ['with a port', 'for="203.0.113.9:80";by=10.0.0.1', '203.0.113.9'],
  ['IPv6', 'for="[2001:db8::1]:80"', '2001:db8::1'],
  ['several', 'for=1.1.1.1, for=203.0.113.9;proto=https, for=192.0.2.7', '203.0.113.9'],
  ['commas within quotes', 'for=1.1.1.1;ext="a,b;c\\"d", for=203.0.113.9', '203.0.113.9'],
  ['hidden', 'for=203.0.113.9, for=_hidden', '10.0.0.1'],
  ['without an address', 'for=203.0.113.9, proto=https', '10.0.0.1'],
  ['a quote that never ends', 'for="1.1.1.1, for=203.0.113.9', '10.0.0.1'],
])('Forwarded says it too: %s', (_what, forwarded, address) => {
  expect(from('10.0.0.1', { forwarded }).address).toBe(address);
});

test('scheme and host are those that the sender’s own proxy saw', () => {
  const old = (proto: string, host: string, chain = '203.0.113.9') =>
    from('10.0.0.1', {
      'x-forwarded-for': chain,
      'x-forwarded-proto': proto,
      'x-forwarded-host': host,
    });
  expect(old('https', 'a.example')).toMatchObject({ proto: 'https', host: 'a.example' });
  expect(old('HTTPS', 'a.example:8443')).toMatchObject({ proto: 'https', host: 'a.example:8443' });
  const two = '203.0.113.9, 10.0.0.2';
  expect(old('https, http', 'a.example, inner', two)).toMatchObject({
    proto: 'https',
    host: 'a.example',
  });
  expect(old('http, https', 'evil.example, a.example', `1.1.1.1, 203.0.113.9`)).toMatchObject({
    proto: 'https',
    host: 'a.example',
  });
  expect(old('gopher', 'no host', two)).toMatchObject(nothing);
  expect(
    from('10.0.0.1', {
      forwarded: 'for=1.1.1.1;host=evil.example, for=203.0.113.9;host=a.example;proto=https',
    }),
  ).toMatchObject({ proto: 'https', host: 'a.example' });
  expect(
    from('10.0.0.1', { forwarded: 'for=203.0.113.9, for=10.0.0.2;host="a.example:81"' }),
  ).toMatchObject({ proto: null, host: 'a.example:81' });
  expect(from('10.0.0.1', { 'x-forwarded-proto': 'https' })).toEqual({
    address: '10.0.0.1',
    proto: 'https',
    host: null,
  });
});

test('beside X-Forwarded-For a Forwarded is the sender’s own', () => {
  const headers = { 'x-forwarded-for': '203.0.113.9', forwarded: 'for=1.1.1.1;host=evil.example' };
  expect(from('10.0.0.1', headers)).toEqual({ address: '203.0.113.9', ...nothing });
});

test('a /64 of IPv6 is one sender, and so is an IPv4 address however it is written', () => {
  expect(senderOf('2001:db8:1:2:3::1')).toBe(senderOf('2001:db8:1:2:ffff::9'));
  expect(senderOf('2001:db8:1:3::1')).not.toBe(senderOf('2001:db8:1:2::1'));
  expect(senderOf('::ffff:203.0.113.9')).toBe(senderOf('203.0.113.9'));
});
