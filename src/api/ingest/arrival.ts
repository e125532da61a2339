import { RequestKind } from '../../domain/status.ts';
import { newId } from '../../db/ids.ts';
import type { NewRequest } from '../../db/requests.ts';
import { withDecodedBody } from '../../verification/decoding.ts';
import type { Received } from '../../verification/received.ts';
import {
  readUrlSwitches,
  withoutSwitches,
  type UrlSwitches,
} from '../../verification/url-switches.ts';
import { callerOf } from '../edge/caller.ts';
import type { ReadBody } from './body.ts';
import type { Found } from './find-source.ts';
import type { Incoming } from './options.ts';

/** A request that has been read, before anything is decided about it. */
export type Arrived = {
  found: Found;
  isTooLarge: boolean;
  received: Received;
  switches: UrlSwitches;
  /** What is stored, but for the verdict. */
  request: NewRequest;
};

export function arrive(
  { req, receivedAtMs }: Incoming,
  { found, read, ...urls }: { found: Found; read: ReadBody } & Urls,
): Arrived {
  const { source, target } = found;
  const switches = readUrlSwitches(target.query);
  const sent = found.published ? withoutKey(pairs(req.rawHeaders)) : pairs(req.rawHeaders);
  const headers = withContentType(sent, switches.contentType);
  const body = read.kind === 'read' ? read.body : Buffer.alloc(0);
  const method = req.method ?? 'POST';
  const { address, origin } = callerOf(req);
  const base = baseOf(urls, origin);
  const received = withDecodedBody({
    method,
    url: base.url + (req.url ?? ''),
    ...(base.otherUrl !== null && { otherUrl: base.otherUrl + (req.url ?? '') }),
    path: target.path,
    rawQuery: target.query,
    headers,
    body,
    receivedAtMs,
  });
  const request: NewRequest = {
    id: newId('request', receivedAtMs),
    projectId: source.projectId,
    sourceId: source.id,
    kind: RequestKind.Event,
    method,
    path: target.path,
    // The gateway's own switches are no part of the event.
    query: withoutSwitches(target.query),
    headers,
    body,
    remoteAddress: address,
    origin: origin === urls.publicUrl ? null : origin,
    verified: false,
    rejectionCause: null,
    rejectionDetail: null,
    receivedAtMs,
  };
  return { found, isTooLarge: read.kind === 'too-large', received, switches, request };
}

type Urls = {
  publicUrl: string;
  /** Whether it was set by somebody who knows, and not made of what is listened on. */
  isPublicUrlSet?: boolean;
};

/** What a source URL begins with for the sender: as it was set, or else as a proxy says; the other one may be signed too. */
function baseOf({ publicUrl, isPublicUrlSet = false }: Urls, origin: string | null) {
  if (origin === null || origin === publicUrl) return { url: publicUrl, otherUrl: null };
  return isPublicUrlSet
    ? { url: publicUrl, otherUrl: origin }
    : { url: origin, otherUrl: publicUrl };
}

function pairs(raw: string[]): [string, string][] {
  const headers: [string, string][] = [];
  for (let i = 0; i < raw.length; i += 2) headers.push([raw[i]!, raw[i + 1]!]);
  return headers;
}

const FOR_THE_PUBLISH_API = /^(?:authorization|x-(?:sluice|hookdeck)-source-(?:id|name))$/i;

/** An API key is said to the gateway alone: it is neither kept nor delivered. */
function withoutKey(headers: [string, string][]): [string, string][] {
  return headers.filter(([name]) => !FOR_THE_PUBLISH_API.test(name));
}

function withContentType(headers: [string, string][], wanted?: string): [string, string][] {
  if (wanted === undefined) return headers;
  const others = headers.filter(([name]) => name.toLowerCase() !== 'content-type');
  return [...others, ['content-type', wanted]];
}
