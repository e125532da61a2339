import {
  HEADER_PREFIX,
  isForbiddenHeader,
  isWebhookHeader,
  nameAsRead,
} from '../domain/header-names.ts';
import { AttemptErrorCode, type Header, type RefusedAttempt } from '../domain/outcome.ts';
import { type AttemptTrigger, InternalHeader, type WebhookHeaders } from '../domain/status.ts';
import { destinationUrl } from './destination-url.ts';
import type { OutgoingRequest } from './send.ts';
import { bodySignature, standardWebhookHeaders } from './signatures.ts';
import { addedWebhookHeaders, passesSenders } from './webhook-headers.ts';

/** Everything one attempt is made of; each part holds no more than what goes out. */
export type Delivery = {
  project: {
    id: string;
    /** What the gateway's own headers begin with; `x-sluice` where null. */
    headersPrefix: string | null;
    /** Ed25519 keys (`whsk_…`) to sign with beside the secrets. */
    privateKeys?: readonly string[];
  };
  source: { name: string };
  connection: { name: string | null; webhookHeaders: WebhookHeaders };
  destination: {
    id: string;
    name: string;
    url: string;
    pathForwardingDisabled: boolean;
    /** Replaces the request's own method. */
    httpMethod: string | null;
    timeoutMs: number;
    /** All that are valid now, the newest first. */
    signingSecrets: readonly string[];
    /** What the receiver may know of the gateway's insides. */
    internalHeaders: readonly InternalHeader[];
  };
  /** `url` is where a person can look at the event; null leaves the header out. */
  event: { id: string; url: string | null };
  /** As it came in, or as a transformation left it. */
  request: {
    id: string;
    method: string;
    path: string;
    query: string;
    headers: readonly Header[];
    body: Buffer;
    sourceIp: string | null;
    verified: boolean;
  };
  attempt: { number: number; trigger: AttemptTrigger; willRetryAfterSeconds: number | null };
  nowMs: number;
};

// What every attempt counts, times or signs anew; without the prefix.
const OF_ONE_ATTEMPT =
  /^(?:attempt-(?:count|trigger)|will-retry-after|signature(?:-\d+)?|webhook-(?:timestamp|signature))$/;

// Said anew for every attempt: the answer is read as it comes.
const REPLACED = 'accept-encoding';

/** The request of one attempt: what came in, byte for byte, with the gateway's own headers behind it. */
export function buildRequest(delivery: Delivery): OutgoingRequest | RefusedAttempt {
  const { project, destination, request } = delivery;
  if (destination.url === '') {
    return refused(AttemptErrorCode.MissingUrl, 'The destination has no URL.');
  }
  const path = destination.pathForwardingDisabled ? '' : request.path;
  const target = destinationUrl({ url: destination.url, path, query: request.query });
  if ('problem' in target) return refused(AttemptErrorCode.InvalidUrl, target.problem);
  return {
    url: target.url,
    method: destination.httpMethod ?? request.method,
    headers: [...forwardedHeaders(delivery), ...appendedHeaders(delivery)],
    body: request.body,
    timeoutMs: destination.timeoutMs,
    // Never shared between tenants, nor between destinations: one that hangs would fill the pool of its host.
    poolKey: `${project.id}/${destination.id}`,
  };
}

/** The headers that all attempts of an event have in common, and the names of all that the gateway adds. */
export function commonHeaders(delivery: Delivery): { headers: Header[]; appended: string[] } {
  const ours = `${prefixOf(delivery.project)}-`;
  const appended = appendedHeaders(delivery);
  const common = appended.filter(([name]) => {
    const bare = name.startsWith(ours) ? name.slice(ours.length) : name;
    return !OF_ONE_ATTEMPT.test(bare);
  });
  return {
    headers: [...forwardedHeaders(delivery), ...common],
    appended: appended.map(([name]) => name),
  };
}

function forwardedHeaders({ project, connection, request }: Delivery): Header[] {
  const ours = `${prefixOf(project)}-`;
  const named = connectionHeaders(request.headers);
  const received = request.headers;
  const keepsSenders = passesSenders({ mode: connection.webhookHeaders, received });
  return request.headers.filter(([name]) => {
    const lower = name.toLowerCase();
    // A sender must not pass itself off as the gateway, whichever way the receiver reads a name.
    const read = nameAsRead(name);
    return !(
      isForbiddenHeader(lower) ||
      lower === REPLACED ||
      (isWebhookHeader(read) && !keepsSenders) ||
      read.startsWith(ours) ||
      named.has(lower)
    );
  });
}

/** What the sender's own `Connection` header marks as meant for the last hop alone. */
function connectionHeaders(headers: readonly Header[]): Set<string> {
  const values = headers.filter(([name]) => name.toLowerCase() === 'connection');
  const tokens = values.flatMap(([, value]) => value.toLowerCase().split(','));
  return new Set(tokens.map((token) => token.trim()));
}

function appendedHeaders(delivery: Delivery): Header[] {
  const { project, source, connection, destination, event, request, attempt, nowMs } = delivery;
  const prefix = prefixOf(project);
  const has = (wanted: string) => request.headers.some(([name]) => name.toLowerCase() === wanted);
  const { body } = request;
  const secrets = destination.signingSecrets;

  const headers: Header[] = [];
  if (!has('accept')) headers.push(['accept', 'application/json, text/plain, */*']);
  headers.push(['accept-encoding', 'identity']);
  if (!has('idempotency-key')) headers.push(['idempotency-key', event.id]);
  secrets.forEach((secret, index) => {
    const name = index === 0 ? `${prefix}-signature` : `${prefix}-signature-${index + 1}`;
    headers.push([name, bodySignature(secret, body)]);
  });
  headers.push(
    [`${prefix}-eventid`, event.id],
    [`${prefix}-requestid`, request.id],
    [`${prefix}-verified`, String(request.verified)],
    [`${prefix}-source-name`, printable(source.name)],
    ...internalHeaders(delivery),
    [`${prefix}-attempt-count`, String(attempt.number)],
    [`${prefix}-attempt-trigger`, attempt.trigger],
  );
  if (attempt.willRetryAfterSeconds !== null) {
    headers.push([`${prefix}-will-retry-after`, String(attempt.willRetryAfterSeconds)]);
  }
  const { privateKeys = [] } = project;
  const webhook = { id: event.id, timestampMs: nowMs, body, secrets, privateKeys };
  const choice = { mode: connection.webhookHeaders, received: request.headers, prefix };
  return [...headers, ...addedWebhookHeaders(choice, standardWebhookHeaders(webhook))];
}

/** The headers that the destination asks for, as far as there is something to say in them. */
function internalHeaders(delivery: Delivery): Header[] {
  const { project, connection, destination, event, request } = delivery;
  const prefix = prefixOf(project);
  const values: [InternalHeader, name: string, value: string | null][] = [
    [InternalHeader.OriginalIp, 'original-ip', request.sourceIp],
    [InternalHeader.EventUrl, 'event-url', event.url],
    [InternalHeader.ConnectionName, 'connection-name', connection.name],
    [InternalHeader.DestinationName, 'destination-name', destination.name],
  ];
  return values.flatMap(([kind, name, value]): Header[] =>
    value !== null && destination.internalHeaders.includes(kind)
      ? [[`${prefix}-${name}`, printable(value)]]
      : [],
  );
}

function prefixOf({ headersPrefix }: Delivery['project']): string {
  return (headersPrefix ?? HEADER_PREFIX).toLowerCase().replace(/-+$/, '');
}

/** Names may hold any character, header values may not: what is not printable ASCII is percent-encoded. */
function printable(text: string): string {
  const whole = text.toWellFormed();
  return whole.replace(/[^\x20-\x7e]+/g, (part) => encodeURIComponent(part));
}

function refused(errorCode: AttemptErrorCode, message: string): RefusedAttempt {
  return { kind: 'refused', errorCode, message };
}
