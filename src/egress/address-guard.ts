import { isIP } from 'node:net';
import ipaddr from 'ipaddr.js';
import { parseNetwork, type Network } from '../network.ts';
import { AttemptErrorCode } from '../domain/outcome.ts';
import { createOwnEndpoints, type OwnListener } from './own-endpoints.ts';
import { isBlockedPort } from './ports.ts';
import { createResolver, type ResolveAll } from './resolve.ts';

type Address = ipaddr.IPv4 | ipaddr.IPv6;

type UrlVerdict =
  { allowed: true; url: URL } | { allowed: false; errorCode: AttemptErrorCode; message: string };

export type AddressGuard = {
  /** What can be said of a URL without asking the network: for save time, and again before every send. */
  checkUrl(url: string): UrlVerdict;
  /** Whether one address (never a name) may be connected to. */
  allows(address: string, port: number): boolean;
  /** Why an address that is not allowed is refused. */
  denial(address: string): AddressDenied;
  /** Those addresses of a host that may be connected to, in their order, or AddressDenied where none may. */
  resolve(hostname: string, port: number): Promise<string[]>;
  /** Learns where our own servers listen by now; before `allows` is asked for an address to connect to. */
  refresh(address: string): Promise<void>;
};

export type AddressGuardOptions = {
  /** Private networks of this installation that deliveries may enter. Never a tenant's setting. */
  allowCidrs?: readonly string[];
  /** Our own admin API, PostgreSQL and Temporal, as `host:port`: refused whatever allowCidrs says. */
  denyEndpoints?: readonly string[];
  /** Where our own processes listen besides, asked before connections are opened. */
  ownListeners?: () => Promise<OwnListener[]>;
  resolve?: ResolveAll;
};

/** The connection was refused by us. The address is kept out of the message: it would map our network to a tenant. */
export class AddressDenied extends Error {
  override readonly name = 'AddressDenied';
  readonly code = 'SLUICE_ADDRESS_DENIED';

  constructor(message: string = NOT_ALLOWED) {
    super(message);
  }
}

/** The sentence for every destination outside the networks that deliveries may enter. */
const NOT_ALLOWED =
  "The destination is not allowed: its host is, or resolves only to, addresses that are not on the public internet; to allow deliveries into a network of yours, name it in EGRESS_ALLOW_CIDRS (link-local addresses and the gateway's own ports stay closed).";

/** The sentence for our own servers, where the network they stand in is open: no setting opens them. */
const OWN_PORT =
  'The destination is not allowed: it is a port of this gateway, of its PostgreSQL or of its Temporal server, and these cannot be destinations.';

// What an installation may open. Link-local, multicast, unspecified and every form that wraps
// another address (NAT64, 6to4, Teredo …) stay shut, whatever the list says.
const OPENABLE = new Set(['private', 'loopback', 'uniqueLocal', 'carrierGradeNat', 'benchmarking']);

// Metadata services that live outside link-local: Azure, AWS over IPv6, Alibaba, Oracle.
const METADATA = ['168.63.129.16', 'fd00:ec2::254', '100.100.100.200', '192.0.0.192'].map((ip) =>
  ipaddr.parse(ip).toNormalizedString(),
);

/** Decides which addresses deliveries may reach. Throws on a network or endpoint that cannot be read. */
export function createAddressGuard({
  allowCidrs = [],
  denyEndpoints = [],
  ownListeners = () => Promise.resolve([]),
  resolve = createResolver(),
}: AddressGuardOptions = {}): AddressGuard {
  const opened = allowCidrs.map(networkOf);
  const own = createOwnEndpoints({
    endpoints: denyEndpoints,
    resolve,
    listeners: ownListeners,
  });

  const isInOpenNetwork = (text: string) => {
    const address = parseAddress(text);
    return address !== null && isOpen(address, opened);
  };
  const allows = (text: string, port: number) =>
    isInOpenNetwork(text) && !own.hasAddress(text, port);
  // Whatever is refused in an open network is our own.
  const denialOf = (addresses: string[]) =>
    new AddressDenied(addresses.some(isInOpenNetwork) ? OWN_PORT : NOT_ALLOWED);
  const denial = (address: string) => denialOf([address]);

  return {
    allows,
    denial,
    refresh: (address) => own.refresh([address]),
    checkUrl: (text) => checkUrl(text, { allows, denial }),
    async resolve(hostname, port) {
      const addresses = await resolve(hostname);
      await own.refresh(addresses);
      const open = addresses.filter((address) => allows(address, port));
      const theirs = await own.without({ hostname, addresses: open, port });
      if (theirs.length === 0) throw denialOf(addresses);
      return theirs;
    },
  };
}

function networkOf(cidr: string): Network {
  const network = parseNetwork(cidr);
  if (network === null) throw new TypeError(`Not a network in CIDR notation: ${cidr}`);
  return network;
}

function isOpen(address: Address, opened: Network[]): boolean {
  if (METADATA.includes(address.toNormalizedString())) return false;
  const range: string = address.range();
  if (range === 'unicast') return address.kind() === 'ipv4' || isGlobalUnicast(address);
  return OPENABLE.has(range) && opened.some(([network, bits]) => contains(network, bits, address));
}

/** 2000::/3, all of IPv6 that is handed out; the rest of what the library calls unicast is unassigned. */
function isGlobalUnicast(address: Address): boolean {
  return ((address.toByteArray()[0] ?? 0) & 0xe0) === 0x20;
}

function contains(network: Address, bits: number, address: Address): boolean {
  return network.kind() === address.kind() && address.match(network, bits);
}

/** Null for anything but a plain address: names, odd notations, zone ids. Mapped IPv4 is judged as IPv4. */
function parseAddress(text: string): Address | null {
  if (isIP(text) === 0 || text.includes('%')) return null;
  // In hexadecimal throughout: the library takes the dotted ::8.8.8.8 for a mapped address.
  const isDotted = text.includes(':') && text.includes('.');
  const address = ipaddr.parse(isDotted ? new URL(`http://[${text}]`).hostname.slice(1, -1) : text);
  const mapped = address instanceof ipaddr.IPv6 && address.isIPv4MappedAddress();
  return mapped ? address.toIPv4Address() : address;
}

function checkUrl(
  text: string,
  { allows, denial }: Pick<AddressGuard, 'allows' | 'denial'>,
): UrlVerdict {
  const url = URL.parse(text);
  if (url === null) return invalid('The URL cannot be read; it must look like https://host/path.');
  if (url.protocol !== 'https:' && url.protocol !== 'http:') {
    return invalid('The URL must begin with https:// or http://.');
  }
  if (url.username !== '' || url.password !== '') {
    return invalid(
      'The URL must not hold a user name or password; use the destination authentication.',
    );
  }
  const port = portOf(url);
  if (isBlockedPort(port)) {
    return invalid(`Port ${port} belongs to another protocol and cannot be delivered to.`);
  }
  const literal = literalOf(url.hostname);
  if (literal !== null && !allows(literal, port)) {
    const errorCode = AttemptErrorCode.DestinationNotAllowed;
    return { allowed: false, errorCode, message: denial(literal).message };
  }
  return { allowed: true, url };
}

/** The address a host name stands for without any lookup, or null where it has to be looked up. */
function literalOf(hostname: string): string | null {
  if (hostname.startsWith('[')) return hostname.slice(1, -1);
  if (isIP(hostname) !== 0) return hostname;
  return /(?:^|\.)localhost\.?$/.test(hostname) ? '127.0.0.1' : null;
}

/** The port a URL connects to. */
export function portOf(url: URL): number {
  if (url.port !== '') return Number(url.port);
  return url.protocol === 'https:' ? 443 : 80;
}

function invalid(message: string): UrlVerdict {
  return { allowed: false, errorCode: AttemptErrorCode.InvalidUrl, message };
}
