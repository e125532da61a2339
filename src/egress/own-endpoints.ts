import { isIP } from 'node:net';
import { networkInterfaces } from 'node:os';
import ipaddr from 'ipaddr.js';
import type { ResolveAll } from './resolve.ts';

const FRESH_MS = 2_000;

type Endpoint = { host: string; port: number; isLocal: boolean };

/** Where a server of ours listens; loopback and the unspecified address stand for every address of this machine. */
export type OwnListener = { address: string; port: number };

export type OwnEndpoints = {
  /** Finds out where our servers listen now, as far as that matters for one who would connect to these addresses. */
  refresh(addresses: string[]): Promise<void>;
  hasAddress(address: string, port: number): boolean;
  /** The addresses that are not ours, also by the names of our own servers, whose addresses may move. */
  without(target: { hostname: string; addresses: string[]; port: number }): Promise<string[]>;
};

/** The gateway's own servers, `host:port` each, which no delivery may reach. */
export function createOwnEndpoints({
  endpoints,
  resolve,
  listeners,
}: {
  endpoints: readonly string[];
  resolve: ResolveAll;
  /** What cannot be known beforehand: ports that the system chose, and those of other processes. */
  listeners: () => Promise<OwnListener[]>;
}): OwnEndpoints {
  const parsed = endpoints.map(parseEndpoint);
  let found: Endpoint[] = [];
  let foundAt = -Infinity;
  let finding: Promise<void> | null = null;
  const at = (port: number) => [...parsed, ...found].filter((endpoint) => endpoint.port === port);

  async function find(): Promise<void> {
    const all = await listeners();
    found = all.map(({ address, port }) => endpointOf(address, port));
    foundAt = performance.now();
  }

  return {
    async refresh(addresses) {
      // What is on this machine may have changed its port in this very moment.
      const isFresh = performance.now() - foundAt < FRESH_MS;
      if (isFresh && !addresses.some(isThisMachine)) return;
      finding ??= find().finally(() => (finding = null));
      await finding;
    },
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
  return endpointOf(host, Number(match?.[3]));
}

function endpointOf(host: string, port: number): Endpoint {
  const isLocal = host === 'localhost' || (isIP(host) !== 0 && isLocalOnly(host));
  return { host: isLocal ? '127.0.0.1' : host, port, isLocal };
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
