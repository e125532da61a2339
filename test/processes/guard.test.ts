import { expect, test } from 'vitest';
import { createAddressGuard } from '../../src/egress/address-guard.ts';
import { temporalEndpoints } from '../../src/processes/guard.ts';

const OPEN = ['10.0.0.0/8', 'fd00::/8'];
const resolve = () => Promise.resolve(['10.1.2.3']);
const guardFor = (temporalAddress: string) =>
  createAddressGuard({
    allowCidrs: OPEN,
    denyEndpoints: temporalEndpoints({
      temporalAddress,
      embedded: { postgres: false, temporal: false },
    }),
    resolve,
  });

test.each([7233, 7243, 7234, 7239, 6933])(
  'a Temporal elsewhere is out of reach at port %i, by its name and by its address',
  async (port) => {
    const { resolve: find } = guardFor('temporal:7233');
    await expect(find('temporal', port)).rejects.toThrow('not allowed');
    await expect(find('10.1.2.3', port)).rejects.toThrow('not allowed');
    expect(await find('temporal', 8_080)).toEqual(['10.1.2.3']);
  },
);

test.each([
  ['10.1.2.3:7233', '10.1.2.3'],
  ['[fd00::7]:7233', 'fd00::7'],
])('one at %s is, too, and its neighbours are not', (address, host) => {
  const { allows } = guardFor(address);
  expect([7233, 7243].map((port) => allows(host, port))).toEqual([false, false]);
  expect([allows(host, 443), allows('10.1.2.4', 7243)]).toEqual([true, true]);
});

test('an embedded one takes no port from others: it is asked where it listens', () => {
  const platform = {
    temporalAddress: '127.0.0.1:40000',
    embedded: { postgres: true, temporal: true },
  };
  expect(temporalEndpoints(platform)).toEqual(['127.0.0.1:40000']);
});
