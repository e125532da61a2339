import { type ConnectionRow, findConnections } from '../db/connections.ts';
import { gatewayNow } from '../db/clock.ts';
import { type DestinationRow, destinations } from '../db/destinations.ts';
import { type EventPayloadRow, type EventRow, readEventPayloads } from '../db/event-reads.ts';
import { readRequests, type RequestDataRow } from '../db/request-reads.ts';
import { ownSecrets, readSigning } from '../db/signing-secrets.ts';
import { type SourceRow } from '../db/sources.ts';
import type { DestinationConfig } from '../domain/schema/destination.ts';
import type { EventData } from '../domain/schema/event.ts';
import { LARGE_PAYLOAD_BYTES } from '../domain/schema/request.ts';
import type { SigningSecret } from '../domain/signing-secrets.ts';
import { AttemptTrigger } from '../domain/status.ts';
import { buildRequest, commonHeaders, type Delivery } from '../egress/outgoing.ts';
import { splitUrl } from '../egress/request-target.ts';
import type { ApiDeps } from './deps.ts';
import { written } from './json-text.ts';

type Parts = {
  event: EventRow;
  incoming: RequestDataRow;
  payload: EventPayloadRow | undefined;
  destination: DestinationRow;
  source: SourceRow;
  connection: ConnectionRow;
  signing: { headersPrefix: string; shared: SigningSecret[] };
};

/** The outgoing requests of these events, with the headers that all attempts have in common; by event id. */
export async function readEventData(
  deps: ApiDeps,
  { projectId, events }: { projectId: string; events: EventRow[] },
): Promise<Map<string, EventData>> {
  if (events.length === 0) return new Map();
  const { db, sealer } = deps;
  const ids = (field: 'request_id' | 'connection_id' | 'destination_id') => [
    ...new Set(events.map((event) => event[field])),
  ];
  const maxBodyBytes = LARGE_PAYLOAD_BYTES;
  const transformed = events.filter((event) => event.has_payload).map((event) => event.id);
  const [incoming, payloads, connections, ends, signing] = await Promise.all([
    readRequests(db, { ids: ids('request_id'), maxBodyBytes }),
    readEventPayloads(db, { ids: transformed, maxBodyBytes }),
    findConnections(db, { projectId, ids: ids('connection_id') }),
    destinations.findAll(db, ids('destination_id')),
    readSigning(db, { sealer, projectId, nowMs: gatewayNow() }),
  ]);
  const connectionOf = new Map(connections.map((joined) => [joined.id, joined]));
  const destinationOf = new Map(ends.map((row) => [row.id, row]));

  const found = new Map<string, EventData>();
  for (const event of events) {
    const request = incoming.get(event.request_id);
    const joined = connectionOf.get(event.connection_id);
    const destination = destinationOf.get(event.destination_id);
    if (!request || !joined || !destination) continue;
    const { connection, source } = joined;
    const payload = payloads.get(event.id);
    const parts = { event, incoming: request, payload, destination, source, connection, signing };
    found.set(event.id, await eventDataOf(deps, parts));
  }
  return found;
}

async function eventDataOf(deps: ApiDeps, parts: Parts): Promise<EventData> {
  const { incoming, payload = incoming } = parts;
  const delivery = deliveryOf(deps, parts);
  const built = buildRequest(delivery);
  const sent = 'kind' in built ? null : built;
  const url = sent && splitUrl(sent.url);
  const { headers, appended } = commonHeaders(delivery);
  const text = await deps.payloads.write({
    kind: 'event',
    payload: {
      path: url?.path ?? payload.path,
      query: url?.query ?? payload.query,
      headers: sent ? headers : payload.headers,
      body: payload.body,
      body_bytes: payload.body_bytes,
    },
    sent: {
      url: sent?.url ?? '',
      method: sent?.method ?? incoming.method,
      appended_headers: appended,
    },
  });
  return written<EventData>(text);
}

function deliveryOf({ publicUrl, sealer }: ApiDeps, parts: Parts): Delivery {
  const { event, incoming, payload = incoming, destination, source, connection, signing } = parts;
  const config = destination.config as DestinationConfig;
  const nowMs = gatewayNow();
  const secrets = ownSecrets(destination, { sealer, nowMs }) ?? signing.shared;
  return {
    project: { id: event.project_id, headersPrefix: signing.headersPrefix },
    source,
    connection: { name: connection.name, webhookHeaders: connection.webhook_headers },
    destination: {
      id: destination.id,
      name: destination.name,
      url: config.url ?? '',
      pathForwardingDisabled: config.path_forwarding_disabled ?? false,
      httpMethod: config.http_method ?? null,
      timeoutMs: 0,
      signingSecrets: secrets.map(({ secret }) => secret),
      internalHeaders: config.internal_headers ?? [],
    },
    event: { id: event.id, url: `${publicUrl}/2026-09-01/events/${event.id}` },
    request: {
      id: event.request_id,
      method: incoming.method,
      path: payload.path,
      query: payload.query,
      headers: payload.headers,
      body: payload.body ?? Buffer.alloc(0),
      sourceIp: incoming.remote_address,
      verified: incoming.verified ?? false,
    },
    attempt: {
      number: event.attempts + 1,
      trigger: AttemptTrigger.Manual,
      willRetryAfterSeconds: null,
    },
    nowMs,
  };
}
