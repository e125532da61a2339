import { isIPv4, isIPv6 } from 'node:net';
import { plainAddress } from './addresses.ts';

/**
 * What the first bytes of a connection are: a PROXY header that is whole (`address` is null where the proxy speaks for
 * itself), the beginning of one, or something else.
 */
export type ProxyHeader =
  { kind: 'whole'; address: string | null; length: number } | { kind: 'more' } | { kind: 'none' };

const SIGNATURE = Buffer.from('\r\n\r\n\0\r\nQUIT\n', 'latin1');
const FIXED_BYTES = 16;
// A header of version 2 may carry more than addresses, and nobody sends more than this.
const MAX_BYTES = 4_096;
const TEXT = 'PROXY ';
const MAX_LINE = 107;
const LINE = /^PROXY (?:UNKNOWN(?: [^\r\n]*)?|(TCP4|TCP6) (\S+) (\S+) (\d{1,5}) (\d{1,5}))\r\n$/;

/** Reads the header of the PROXY protocol, version 1 or 2, from what has come of a connection so far. */
export function readProxyHeader(bytes: Buffer): ProxyHeader {
  if (startsAlike(bytes, SIGNATURE)) return readBinary(bytes);
  return startsAlike(bytes, Buffer.from(TEXT)) ? readLine(bytes) : { kind: 'none' };
}

function startsAlike(bytes: Buffer, wanted: Buffer): boolean {
  const length = Math.min(bytes.length, wanted.length);
  return bytes.subarray(0, length).equals(wanted.subarray(0, length));
}

function readLine(bytes: Buffer): ProxyHeader {
  const end = bytes.subarray(0, MAX_LINE).indexOf('\r\n');
  if (end < 0) return bytes.length < MAX_LINE ? { kind: 'more' } : { kind: 'none' };
  const length = end + 2;
  const found = LINE.exec(bytes.subarray(0, length).toString('latin1'));
  if (!found) return { kind: 'none' };
  const [, family, source = ''] = found;
  if (family === undefined) return { kind: 'whole', address: null, length };
  const isRight = family === 'TCP4' ? isIPv4(source) : isIPv6(source);
  return isRight ? { kind: 'whole', address: plainAddress(source), length } : { kind: 'none' };
}

function readBinary(bytes: Buffer): ProxyHeader {
  if (bytes.length < FIXED_BYTES) return { kind: 'more' };
  const command = bytes[12]!;
  const length = FIXED_BYTES + bytes.readUInt16BE(14);
  if (command >> 4 !== 2 || (command & 0xf) > 1 || length > MAX_BYTES) return { kind: 'none' };
  if (bytes.length < length) return { kind: 'more' };
  // LOCAL: the proxy asks for itself, as in a health check.
  if ((command & 0xf) === 0) return { kind: 'whole', address: null, length };
  const family = bytes[13]! >> 4;
  const [addressBytes, leastBytes] = { 1: [4, 12], 2: [16, 36] }[family] ?? [0, 0];
  if (addressBytes === 0) return { kind: 'whole', address: null, length };
  if (length - FIXED_BYTES < leastBytes!) return { kind: 'none' };
  const source = bytes.subarray(FIXED_BYTES, FIXED_BYTES + addressBytes!);
  return { kind: 'whole', address: plainAddress(written(source)), length };
}

function written(address: Buffer): string {
  if (address.length === 4) return [...address].join('.');
  const groups = Array.from({ length: 8 }, (_, at) => address.readUInt16BE(at * 2).toString(16));
  return groups.join(':');
}
