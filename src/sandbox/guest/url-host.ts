// Hosts of URLs: names, IPv4 in all its spellings, IPv6. No IDNA: its tables are larger than all of
// this library, so a name outside ASCII is refused rather than sent in a wrong form.
import { ESCAPED, percentDecode, percentEncode } from './percent.ts';
import { decodeUtf8 } from './utf8.ts';

function invalid(host: string): never {
  throw new TypeError(`Invalid URL: the host "${host}" is not valid.`);
}

function ipv4Number(part: string): number {
  if (/^0x[0-9a-f]*$/i.test(part)) return part.length === 2 ? 0 : Number.parseInt(part, 16);
  if (/^0[0-7]+$/.test(part)) return Number.parseInt(part, 8);
  return /^(?:0|[1-9][0-9]*)$/.test(part) ? Number(part) : Number.NaN;
}

function ipv4(host: string): string | undefined {
  const parts = host.split('.');
  if (parts.at(-1) === '' && parts.length > 1) parts.pop();
  const last = parts.at(-1) ?? '';
  if (!/^[0-9]+$/.test(last) && Number.isNaN(ipv4Number(last))) return undefined;
  const numbers = parts.map(ipv4Number);
  const tail = numbers.pop() ?? Number.NaN;
  const bad = numbers.some((number) => !(number <= 255));
  if (bad || parts.length > 4 || !(tail < 256 ** (5 - parts.length))) return invalid(host);
  const value = numbers.reduce((sum, number, at) => sum + number * 256 ** (3 - at), tail);
  return [24, 16, 8, 0].map((shift) => Math.floor(value / 2 ** shift) % 256).join('.');
}

function groupsOf(text: string, host: string): number[] {
  if (text === '') return [];
  return text.split(':').flatMap((group, at, all) => {
    if (at === all.length - 1 && group.includes('.')) {
      const bytes = group.split('.');
      const valid =
        bytes.length === 4 &&
        bytes.every((byte) => /^(?:0|[1-9]\d{0,2})$/.test(byte) && Number(byte) < 256);
      if (!valid) return invalid(host);
      const [a = 0, b = 0, c = 0, d = 0] = bytes.map(Number);
      return [a * 256 + b, c * 256 + d];
    }
    return /^[0-9a-f]{1,4}$/i.test(group) ? [Number.parseInt(group, 16)] : invalid(host);
  });
}

function longestZeroRun(groups: readonly number[]): { start: number; length: number } {
  let best = { start: -1, length: 1 };
  for (let start = 0; start < groups.length; start++) {
    let end = start;
    while (groups[end] === 0) end++;
    if (end - start > best.length) best = { start, length: end - start };
    start = Math.max(start, end - 1);
  }
  return best;
}

function ipv6(host: string): string {
  const halves = host.slice(1, -1).split('::');
  if (!host.endsWith(']') || halves.length > 2) return invalid(host);
  const [head = [], tail = []] = halves.map((half) => groupsOf(half, host));
  const missing = 8 - head.length - tail.length;
  if (halves.length === 2 ? missing < 1 : missing !== 0) return invalid(host);
  const groups = [...head, ...Array<number>(missing).fill(0), ...tail];
  const run = longestZeroRun(groups);
  const hex = groups.map((group) => group.toString(16));
  if (run.start < 0) return `[${hex.join(':')}]`;
  return `[${hex.slice(0, run.start).join(':')}::${hex.slice(run.start + run.length).join(':')}]`;
}

/** The normal form of a host, or a TypeError. */
export function parseHost(text: string, { special }: { special: boolean }): string {
  if (text.startsWith('[')) return ipv6(text);
  if (!special) {
    // eslint-style escapes are needed: these are the standard's forbidden host code points.
    if (/[\0\t\n\r #/:<>?@[\\\]^|]/.test(text)) return invalid(text);
    return percentEncode(text, ESCAPED.none);
  }
  const name = decodeUtf8(percentDecode(text), { fatal: false }).toLowerCase();
  // eslint-disable-next-line no-control-regex
  if (name === '' || /[^\x21-\x7e]|[#/:<>?@[\\\]^|%]/.test(name)) return invalid(text);
  return ipv4(name) ?? name;
}
