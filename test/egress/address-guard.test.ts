import { describe, expect, test } from 'vitest';
import { AddressDenied, createAddressGuard } from '../../src/egress/address-guard.ts';

const strict = createAddressGuard();

describe('addresses outside the public internet are denied', () => {
  test.each([
    ['loopback', '127.0.0.1'],
    ['loopback, another', '127.8.9.10'],
    ['private', '10.0.0.1'],
    ['private', '172.16.0.1'],
    ['private', '192.168.1.1'],
    ['unspecified', '0.0.0.0'],
    ['this network', '0.1.2.3'],
    ['link-local, metadata', '169.254.169.254'],
    ['carrier NAT, Alibaba metadata', '100.100.100.200'],
    ['Azure metadata', '168.63.129.16'],
    ['Oracle metadata', '192.0.0.192'],
    ['benchmarking', '198.18.0.1'],
    ['documentation', '192.0.2.1'],
    ['multicast', '224.0.0.1'],
    ['reserved', '240.0.0.1'],
    ['broadcast', '255.255.255.255'],
    ['IPv6 loopback', '::1'],
    ['IPv6 unspecified', '::'],
    ['mapped', '::ffff:127.0.0.1'],
    ['mapped, hexadecimal', '::ffff:7f00:1'],
    ['mapped, written out', '0:0:0:0:0:ffff:a9fe:a9fe'],
    ['compatible', '::127.0.0.1'],
    ['compatible, public inside', '::8.8.8.8'],
    ['translated', '::ffff:0:127.0.0.1'],
    ['NAT64', '64:ff9b::7f00:1'],
    ['local NAT64', '64:ff9b:1::7f00:1'],
    ['6to4', '2002:7f00:1::'],
    ['Teredo', '2001:0:7f00:1::'],
    ['unique local, AWS metadata', 'fd00:ec2::254'],
    ['unique local', 'fc00::1'],
    ['link-local', 'fe80::1'],
    ['site-local', 'fec0::1'],
    ['IPv6 multicast', 'ff02::1'],
    ['discard', '100::1'],
    ['documentation', '2001:db8::1'],
    ['segment routing', '5f00::1'],
    ['unassigned', '4000::1'],
    ['with a zone', 'fe80::1%eth0'],
    ['public with a zone', '2606:4700::1111%eth0'],
    ['a name', 'example.com'],
    ['a short form', '127.1'],
    ['a number', '2130706433'],
    ['nothing', ''],
  ])('%s: %s', (_what, address) => {
    expect(strict.allows(address, 443)).toBe(false);
  });
});

test.each(['8.8.8.8', '1.1.1.1', '2606:4700::1111', '::ffff:8.8.8.8'])(
  'the public address %s is allowed',
  (address) => expect(strict.allows(address, 443)).toBe(true),
);

describe('a URL is judged before anything is asked of the network', () => {
  test.each([
    'http://127.0.0.1/',
    'http://2130706433/',
    'http://0x7f.1/',
    'http://0177.0.0.1/',
    'http://127.1/',
    'http://0/',
    'http://[::1]/',
    'http://[::ffff:127.0.0.1]/',
    'http://[::ffff:a9fe:a9fe]/',
    'http://169.254.169.254/latest/meta-data/',
    'http://①②⑦.⓪.⓪.①/',
    'http://localhost:8080/',
    'http://LOCALHOST./',
    'http://api.localhost/',
  ])('%s is not allowed', (url) => {
    expect(strict.checkUrl(url)).toMatchObject({
      allowed: false,
      errorCode: 'DESTINATION_NOT_ALLOWED',
      message: expect.stringContaining('EGRESS_ALLOW_CIDRS'),
    });
  });

  test.each([
    ['', 'cannot be read'],
    ['example.com/hook', 'cannot be read'],
    ['http://', 'cannot be read'],
    ['http://exa mple.com', 'cannot be read'],
    ['http://[fe80::1%25eth0]/', 'cannot be read'],
    ['ftp://example.com/', 'https://'],
    ['file:///etc/passwd', 'https://'],
    ['javascript:alert(1)', 'https://'],
    ['https://user:secret@example.com/', 'user name'],
    ['https://user@example.com/', 'user name'],
    ['http://example.com:25/', 'Port 25'],
    ['http://example.com:6379/', 'Port 6379'],
    ['http://example.com:0/', 'Port 0'],
  ])('%s is no URL to deliver to, and the sentence says why', (url, reason) => {
    const verdict = strict.checkUrl(url);
    expect(verdict).toMatchObject({ allowed: false, errorCode: 'INVALID_URL' });
    expect(verdict).toHaveProperty('message', expect.stringContaining(reason));
    expect(verdict).toHaveProperty('message', expect.not.stringContaining('secret'));
  });

  test.each(['https://example.com/hook?a=b', 'http://example.com:8080/', 'https://8.8.8.8/'])(
    '%s is allowed',
    (url) => expect(strict.checkUrl(url)).toMatchObject({ allowed: true }),
  );
});

describe('an installation may open its own networks', () => {
  const guard = createAddressGuard({
    allowCidrs: ['127.0.0.0/8', '10.1.0.0/16', 'fd12::/16', '100.64.0.0/10'],
  });

  test.each(['127.0.0.1', '::ffff:127.0.0.1', '10.1.2.3', 'fd12::1', '100.64.1.1'])(
    '%s is open then',
    (address) => expect(guard.allows(address, 8080)).toBe(true),
  );

  test.each(['10.2.0.1', '192.168.0.1', 'fd13::1', '::1', '100.100.100.200'])(
    '%s stays shut',
    (address) => expect(guard.allows(address, 8080)).toBe(false),
  );

  test.each([
    '169.254.169.254',
    'fe80::1',
    'fd00:ec2::254',
    '168.63.129.16',
    '0.0.0.0',
    '::',
    '64:ff9b::a9fe:a9fe',
    '2002:a9fe:a9fe::',
    '::ffff:169.254.169.254',
  ])('%s stays shut even where everything is opened', (address) => {
    const open = createAddressGuard({ allowCidrs: ['0.0.0.0/0', '::/0'] });
    expect(open.allows('192.168.0.1', 80)).toBe(true);
    expect(open.allows(address, 80)).toBe(false);
  });

  test('in IPv4-mapped notation, too', () => {
    const open = createAddressGuard({ allowCidrs: ['::ffff:10.0.0.0/104'] });
    expect(open.allows('10.1.2.3', 80)).toBe(true);
    expect(open.allows('::ffff:10.1.2.3', 80)).toBe(true);
    expect(open.allows('192.168.0.1', 80)).toBe(false);
  });

  test('a network that cannot be read is said at start', () => {
    expect(() => createAddressGuard({ allowCidrs: ['10.0.0.0/33'] })).toThrow(/10|CIDR/i);
    expect(() => createAddressGuard({ denyEndpoints: ['no port'] })).toThrow(/host:port/);
  });
});

describe("the gateway's own servers are never a destination", () => {
  const guard = createAddressGuard({
    allowCidrs: ['0.0.0.0/0', '::/0'],
    denyEndpoints: ['0.0.0.0:8300', '10.0.0.5:5432', '[::1]:7233', 'db.internal:6432'],
    resolve: (name) =>
      name === 'db.internal' || name === 'alias.example'
        ? Promise.resolve(['10.9.9.9'])
        : Promise.reject(new Error('ENOTFOUND')),
  });

  test.each([
    ['127.0.0.1', 8300],
    ['127.5.5.5', 8300],
    ['::1', 8300],
    ['::ffff:127.0.0.1', 8300],
    ['10.0.0.5', 5432],
    ['127.0.0.1', 7233],
  ])('%s at port %d is refused though its network is open', (address, port) => {
    expect(guard.allows(address, port)).toBe(false);
    expect(guard.allows(address, port + 1)).toBe(true);
  });

  test('a server of ours is refused under any name that leads to it', async () => {
    await expect(guard.resolve('db.internal', 6432)).rejects.toThrow(AddressDenied);
    await expect(guard.resolve('alias.example', 6432)).rejects.toThrow(AddressDenied);
    await expect(guard.resolve('alias.example', 80)).resolves.toEqual(['10.9.9.9']);
  });

  test('the sentence says so, and names no setting, for none opens them', async () => {
    const ours = /is a port of this gateway.*cannot be destinations/;
    for (const refused of [
      guard.checkUrl('http://localhost:8300/'),
      guard.checkUrl('http://10.0.0.5:5432/'),
      await guard.resolve('alias.example', 6432).catch((error: Error) => error),
    ]) {
      expect(refused).toHaveProperty('message', expect.stringMatching(ours));
      expect(refused).toHaveProperty('message', expect.not.stringContaining('EGRESS_ALLOW_CIDRS'));
    }
    // Where the network itself is closed, that is the reason.
    const closed = createAddressGuard({ denyEndpoints: ['127.0.0.1:8300'] });
    expect(closed.checkUrl('http://127.0.0.1:8300/')).toHaveProperty(
      'message',
      expect.stringContaining('EGRESS_ALLOW_CIDRS'),
    );
  });
});

describe('our own processes are found where they listen by now', () => {
  const ports = { now: 4100 };
  const guard = createAddressGuard({
    allowCidrs: ['0.0.0.0/0', '::/0'],
    ownListeners: () =>
      Promise.resolve([
        { address: '0.0.0.0', port: ports.now },
        { address: '127.0.0.1', port: 4200 },
        { address: '0:0:0:0:0:0:0:1', port: 4300 },
        { address: '10.0.0.9', port: 4400 },
      ]),
    resolve: (name) => Promise.resolve(name === 'far' ? ['10.0.0.9'] : ['127.0.0.1', '::1']),
  });

  test.each([4100, 4200, 4300])(
    'on loopback, by any of its names and addresses: %d',
    async (port) => {
      for (const address of [
        '127.0.0.1',
        '127.0.0.2',
        '::1',
        '::ffff:127.0.0.1',
        '::ffff:7f00:1',
      ]) {
        await guard.refresh(address);
        expect(guard.allows(address, port)).toBe(false);
        expect(guard.allows(address, port + 1)).toBe(true);
      }
      await expect(guard.resolve('localhost', port)).rejects.toThrow(AddressDenied);
      await expect(guard.resolve('this-machine', port)).rejects.toThrow(AddressDenied);
    },
  );

  test('on another machine, at that address alone', async () => {
    await expect(guard.resolve('far', 4400)).rejects.toThrow(AddressDenied);
    await expect(guard.resolve('far', 4100)).resolves.toEqual(['10.0.0.9']);
  });

  test('at once when they have moved', async () => {
    await guard.refresh('127.0.0.1');
    ports.now = 4500;
    await guard.refresh('127.0.0.1');
    expect(guard.allows('127.0.0.1', 4500)).toBe(false);
    expect(guard.allows('127.0.0.1', 4100)).toBe(true);
  });
});

describe('of the addresses of a name those that are public are left', () => {
  test.each([
    ['a private one beside it', ['8.8.8.8', '10.0.0.1'], ['8.8.8.8']],
    ['a private one before it', ['10.0.0.1', '8.8.8.8'], ['8.8.8.8']],
    ['a private IPv6 one', ['fd00::1', '8.8.8.8', '::1'], ['8.8.8.8']],
    ['a mapped private one', ['::ffff:10.0.0.1', '2606:4700::1111'], ['2606:4700::1111']],
    ['one of NAT64', ['64:ff9b::a00:1', '64:ff9b::808:808', '8.8.8.8'], ['8.8.8.8']],
    ['the metadata service', ['169.254.169.254', '8.8.8.8'], ['8.8.8.8']],
    [
      'several public ones, in their order',
      ['2606:4700::1111', '192.168.0.1', '8.8.8.8', '1.1.1.1'],
      ['2606:4700::1111', '8.8.8.8', '1.1.1.1'],
    ],
    ['a mapped public one', ['::ffff:8.8.8.8'], ['::ffff:8.8.8.8']],
  ])('%s', async (_what, addresses, left) => {
    const guard = createAddressGuard({ resolve: () => Promise.resolve(addresses) });
    await expect(guard.resolve('hook.example', 443)).resolves.toEqual(left);
  });

  test.each([[['10.0.0.1']], [['127.0.0.1', '::1']], [['64:ff9b::808:808']], [[]]])(
    'of %j none, and the name is refused',
    async (addresses) => {
      const guard = createAddressGuard({ resolve: () => Promise.resolve(addresses) });
      await expect(guard.resolve('hook.example', 443)).rejects.toThrow(AddressDenied);
    },
  );

  test('one of our own servers is left out, whatever form its address has', async () => {
    const guard = createAddressGuard({
      denyEndpoints: ['db.internal:6432'],
      resolve: (name) =>
        Promise.resolve(name === 'db.internal' ? ['9.9.9.9'] : ['::ffff:9.9.9.9', '8.8.8.8']),
    });
    await expect(guard.resolve('hook.example', 6432)).resolves.toEqual(['8.8.8.8']);
    await expect(guard.resolve('hook.example', 443)).resolves.toHaveLength(2);
  });
});
