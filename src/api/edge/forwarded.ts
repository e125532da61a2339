import { plainAddress, type Trust } from './addresses.ts';
import { parseHost } from './host.ts';

/** A request as the proxies in front of us saw it. */
export type Forwarded = {
  /** The right-most address that is no proxy of ours. */
  address: string | null;
  /** What its URL began with there; null where no proxy says it. */
  proto: 'http' | 'https' | null;
  host: string | null;
};

/** One step of the way, as a proxy wrote it down; the last one is the nearest. */
type Hop = { address: string | null; proto: string | null; host: string | null };

type Headers = Record<string, string | string[] | undefined>;

/**
 * What proxies say of a request that came from `peer`. A sender that is none of them is believed nothing. Where there is
 * an `X-Forwarded-For` the `Forwarded` beside it is the sender's own: no proxy writes both.
 */
export function readForwarded(
  headers: Headers,
  { peer, trust }: { peer: string | null; trust: Trust },
): Forwarded {
  if (!trust(peer)) return { address: peer, proto: null, host: null };
  const isOld = headers['x-forwarded-for'] !== undefined || headers['forwarded'] === undefined;
  const hops = isOld ? oldHops(headers) : hopsOf(textOf(headers['forwarded']));
  let address = peer;
  let at = hops.length;
  while (at > 0 && trust(address)) {
    const { address: before } = hops[at - 1]!;
    // Our own proxy wrote something that is no address: it is the last one that is known.
    if (before === null) break;
    address = before;
    at--;
  }
  const place = Math.min(at, hops.length - 1);
  return isOld
    ? { address, ...oldOrigin(headers, hops.length - 1 - place) }
    : { address, ...originOf(hops.slice(Math.max(place, 0))) };
}

function oldHops(headers: Headers): Hop[] {
  return listOf(textOf(headers['x-forwarded-for'])).map((text) => ({
    address: addressOf(text),
    proto: null,
    host: null,
  }));
}

/** `fromRight`: how many proxies lie between the sender and us, but for one. Who wrote fewer values wrote for all of them. */
function oldOrigin(headers: Headers, fromRight: number) {
  const pick = (name: string) => {
    const values = listOf(textOf(headers[name]));
    return values[Math.max(0, values.length - 1 - Math.max(0, fromRight))] ?? null;
  };
  return { proto: protoOf(pick('x-forwarded-proto')), host: hostOf(pick('x-forwarded-host')) };
}

/** The first of the hops on our side that says it. */
function originOf(hops: Hop[]) {
  const first = (read: (hop: Hop) => string | null) => hops.map(read).find((text) => text !== null);
  return {
    proto: protoOf(first((hop) => hop.proto) ?? null),
    host: hostOf(first((hop) => hop.host) ?? null),
  };
}

const PAIR = /\s*([!#$%&'*+.^_`|~\w-]+)=("(?:[^"\\]|\\.)*"|[^\s",;]*)\s*(;|,|$)|\s*(;|,|$)/y;

/** The elements of a `Forwarded` header (RFC 7239); what cannot be read is an element that says nothing. */
function hopsOf(text: string): Hop[] {
  const hops: Hop[] = [];
  let pairs = new Map<string, string>();
  PAIR.lastIndex = 0;
  while (PAIR.lastIndex < text.length) {
    const found = PAIR.exec(text);
    // From here on nobody knows which comma ends what, and the nearest proxy's words come last.
    if (!found) return [];
    const [, name, value = ''] = found;
    if (name !== undefined) pairs.set(name.toLowerCase(), unquoted(value));
    if ((found[3] ?? found[4]) === ';') continue;
    hops.push(hopOf(pairs));
    pairs = new Map();
  }
  return hops;
}

function hopOf(pairs: Map<string, string>): Hop {
  const from = pairs.get('for');
  return {
    address: from === undefined ? null : addressOf(from),
    proto: pairs.get('proto') ?? null,
    host: pairs.get('host') ?? null,
  };
}

function unquoted(value: string): string {
  return value.startsWith('"') ? value.slice(1, -1).replaceAll(/\\(.)/g, '$1') : value;
}

/** An address as proxies write it: bare, with a port, or in brackets. */
function addressOf(text: string): string | null {
  const [, bracketed, four] =
    /^(?:\[([^\]]+)\](?::\w+)?|(\d+\.\d+\.\d+\.\d+)(?::\d+)?)$/.exec(text) ?? [];
  return plainAddress(bracketed ?? four ?? text);
}

function protoOf(text: string | null): 'http' | 'https' | null {
  const proto = text?.toLowerCase();
  return proto === 'http' || proto === 'https' ? proto : null;
}

function hostOf(text: string | null): string | null {
  return text !== null && parseHost(text) ? text : null;
}

function textOf(value: string | string[] | undefined): string {
  return [value ?? []].flat().join(',');
}

function listOf(text: string): string[] {
  return text.trim() === '' ? [] : text.split(',').map((part) => part.trim());
}
