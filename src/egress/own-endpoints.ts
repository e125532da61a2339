import { isIP } from 'node:net';
import { networkInterfaces } from 'node:os';
import ipaddr from 'ipaddr.js';
import type { ResolveAll } from './resolve.ts';

type Endpoint = { host: string; port: number; isLocal: boolean };

export type OwnEndpoints = {
  hasAddress(address: string, port: number): boolean;
  /** The addresses that are not ours, also by the names of our own servers, whose addresses may move. */
  without(target: { hostname: string; addresses: string[]; port: number }): Promise<string[]>;
};

/** The gateway's own servers, `host:port` each, which no delivery may reach. */
export function createOwnEndpoints({
  endpoints,
  resolve,
}: {
  endpoints: readonly string[];
  resolve: ResolveAll;
}): OwnEndpoints {
  const parsed = endpoints.map(parseEndpoint);
  const at = (port: number) => parsed.filter((endpoint) => endpoint.port === port);

  return {
    hasAddress: (address, port) =>
      at(port).some(({ host, isLocal }) =>
        isLocal ? isThisMachine(address) : isIP(host) !== 0 && sameAddress(host, address),
      ),
    async without({ hostname, addresses, port }) {
      let theirs = addresses;
      for (const { host } of at(port)) {
        if (host === hostname) return [];
        if (isIP(host) !== 0) continue;
        // A name of ours that cannot be resolved could be anywhere: then the port stays shut.
        const ours = await resolve(host).catch(() => null);
        if (ours === null) return [];
        theirs = theirs.filter((address) => !ours.some((own) => sameAddress(own, address)));
      }
      return theirs;
    },
  };
}

function parseEndpoint(text: string): Endpoint {
  const match = /^(?:\[([^\]]+)\]|([^:[\]]+)):(\d{1,5})$/.exec(text);
  const host = match?.[1] ?? match?.[2];
  if (host === undefined) throw new TypeError(`Not an endpoint of the form host:port: ${text}`);
  const isLocal = host === 'localhost' || (isIP(host) !== 0 && isLocalOnly(host));
  return { host: isLocal ? '127.0.0.1' : host, port: Number(match?.[3]), isLocal };
}

/** Loopback or the unspecified address: a server there can answer on any address of this machine. */
function isLocalOnly(address: string): boolean {
  return ['loopback', 'unspecified'].includes(ipaddr.process(address).range());
}

function isThisMachine(address: string): boolean {
  if (isLocalOnly(address)) return true;
  const interfaces = Object.values(networkInterfaces()).flatMap((list) => list ?? []);
  return interfaces.some((one) => sameAddress(one.address, address));
}

function sameAddress(one: string, other: string): boolean {
  return ipaddr.process(one).toNormalizedString() === ipaddr.process(other).toNormalizedString();
}
