import ipaddr from 'ipaddr.js';

/** A network: an address in it, and how many of its leading bits all addresses in it share. */
export type Network = [ipaddr.IPv4 | ipaddr.IPv6, number];

const IPV4_BEGINS_AT = 96;
// The library also reads `10/8` (as 0.0.0.10/8) and octal numbers (`010.0.0.0/8` as 8.0.0.0/8): nobody means that.
const PLAIN_IPV4 = /^(?:(?:0|[1-9]\d{0,2})\.){3}(?:0|[1-9]\d{0,2})\/\d+$/;
// It takes `::8.8.8.8` for a mapped address, too.
const MAPPED = /^[0:]*:ffff:/i;

/**
 * Reads CIDR notation. An IPv4-mapped network (`::ffff:10.0.0.0/104`) becomes its IPv4 network, because addresses are
 * compared as IPv4. Null if the text is no network, or a mapped one that reaches beyond IPv4.
 */
export function parseNetwork(text: string): Network | null {
  const isReadable = text.includes(':') ? !text.includes('%') : PLAIN_IPV4.test(text);
  if (!isReadable || !ipaddr.isValidCIDR(text)) return null;
  const [address, bits] = ipaddr.parseCIDR(text);
  if (!(address instanceof ipaddr.IPv6) || !address.isIPv4MappedAddress()) return [address, bits];
  if (!MAPPED.test(text) || bits < IPV4_BEGINS_AT) return null;
  return [address.toIPv4Address(), bits - IPV4_BEGINS_AT];
}
