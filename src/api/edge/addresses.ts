import ipaddr from 'ipaddr.js';
import { parseNetwork, type Network } from '../../network.ts';

type Address = ipaddr.IPv4 | ipaddr.IPv6;

// Short forms like `1` or `0x7f.1` are IPv4 for some readers only: four numbers, and no leading zeros.
const FOUR_PARTS = /^(?:(?:0|[1-9]\d{0,2})\.){3}(?:0|[1-9]\d{0,2})$/;

/** An address in one way of writing: IPv4 also where it came mapped into IPv6, without a zone; null where it is none. */
export function plainAddress(text: string | undefined): string | null {
  return parsed(text)?.toString() ?? null;
}

/** Who counts as one sender: a plain IPv4 address, or the /64 that one IPv6 customer has at least. */
export function senderOf(address: string | null): string {
  if (address !== null && FOUR_PARTS.test(address)) return address;
  const found = parsed(address ?? undefined);
  if (!found) return 'unknown';
  if (found.kind() === 'ipv4') return found.toString();
  return `${(found as ipaddr.IPv6).parts.slice(0, 4).join(':')}::/64`;
}

/** Whether an address lies in one of these networks. */
export type Trust = (address: string | null) => boolean;

/** Networks or single addresses, as `TRUSTED_PROXIES` lists them. */
export function createTrust(networks: readonly string[]): Trust {
  const ranges = networks.map((network) => rangeOf(network));
  if (ranges.length === 0) return () => false;
  return (text) => {
    const address = parsed(text ?? undefined);
    return (
      address !== null &&
      ranges.some(([base, bits]) => base.kind() === address.kind() && address.match(base, bits))
    );
  };
}

function rangeOf(text: string): Network {
  const network = parseNetwork(text);
  if (network) return network;
  const address = ipaddr.process(text);
  return [address, address.kind() === 'ipv4' ? 32 : 128];
}

function parsed(text: string | undefined): Address | null {
  const bare = text?.replace(/%.*$/, '') ?? '';
  if (!bare.includes(':') && !FOUR_PARTS.test(bare)) return null;
  return ipaddr.isValid(bare) ? ipaddr.process(bare) : null;
}
