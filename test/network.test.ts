import { expect, test } from 'vitest';
import { parseNetwork } from '../src/network.ts';

test.each([
  ['10.0.0.0/8', '10.0.0.0/8'],
  ['192.0.2.7/32', '192.0.2.7/32'],
  ['0.0.0.0/0', '0.0.0.0/0'],
  ['fd00::/8', 'fd00::/8'],
  ['::/0', '::/0'],
  ['64:ff9b::/96', '64:ff9b::/96'],
])('%s is a network', (text, network) => {
  expect(parseNetwork(text)?.join('/')).toBe(network);
});

test.each([
  ['::ffff:10.0.0.0/104', '10.0.0.0/8'],
  ['::FFFF:a00:0/104', '10.0.0.0/8'],
  ['0:0:0:0:0:ffff:192.0.2.7/128', '192.0.2.7/32'],
  ['::ffff:0:0/96', '0.0.0.0/0'],
])('%s, an IPv4-mapped network, is %s', (text, network) => {
  expect(parseNetwork(text)?.join('/')).toBe(network);
});

test.each([
  ['::ffff:10.0.0.0/8', 'its length is that of the IPv4 network'],
  ['::8.8.8.8/128', 'no IPv4-mapped address'],
  ['10/8', 'one number'],
  ['010.0.0.0/8', 'octal'],
  ['0x0a.0.0.0/8', 'hexadecimal'],
  ['fe80::%eth0/64', 'a zone'],
  ['10.0.0.0/33', 'too long'],
  ['10.0.0.0', 'no length'],
  ['nonsense', 'no address'],
])('%s is refused: %s', (text) => {
  expect(parseNetwork(text)).toBeNull();
});
