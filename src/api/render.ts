import { gatewayNow } from '../db/clock.ts';
import type { AttemptRow } from '../db/attempt-reads.ts';
import type { JoinedConnection } from '../db/connections.ts';
import type { DestinationRow } from '../db/destinations.ts';
import type { EventRow } from '../db/event-reads.ts';
import type { IgnoredEventRow } from '../db/ignored-event-reads.ts';
import type { RequestRow } from '../db/request-reads.ts';
import type { NamedRow } from '../db/named-rows.ts';
import type { SourceRow } from '../db/sources.ts';
import { parseAsWritten } from '../domain/numbers/parse.ts';
import type { Attempt } from '../domain/schema/attempt.ts';
import type { Connection } from '../domain/schema/connection.ts';
import type { Destination } from '../domain/schema/destination.ts';
import type { Event } from '../domain/schema/event.ts';
import type { IgnoredEvent } from '../domain/schema/ignored-event.ts';
import type { Request } from '../domain/schema/request.ts';
import type { Source, SourceConfig } from '../domain/schema/source.ts';
import type { DestinationType } from '../domain/status.ts';
import type { ApiDeps } from './deps.ts';
import { handsOverSecret } from '../verification/handshakes.ts';
import type { SourceType } from '../verification/source-types.ts';
import { headersOf, shownBody } from './payload.ts';

type Links = Pick<ApiDeps, 'publicUrl' | 'temporalUiUrl' | 'namespace'>;

/** Rows as the API shows them; `auth` only where it was asked for. */
export function renderSource(
  row: SourceRow,
  { publicUrl, auth }: Links & { auth?: object },
): Source {
  return {
    ...namedFields(row),
    type: row.type,
    url: `${publicUrl}/in/${row.id}`,
    authenticated: row.auth !== null,
    setup_until: isBeingSetUp(row) ? time(row.setup_until) : null,
    config: { ...row.config, ...(auth && { auth: { ...auth } }) },
  };
}

/** Whether a handshake of the source's provider may still hand over its secret. */
export function isBeingSetUp(row: SourceRow): boolean {
  return mayBeSetUp(row) && row.setup_until !== null && row.setup_until.getTime() > gatewayNow();
}

/** Whether the source's provider hands over the secret in its handshake, and has not yet. */
export function mayBeSetUp({ type, config, auth }: SourceRow): boolean {
  const { auth_type: authType = null } = config as SourceConfig;
  return auth === null && handsOverSecret(type as SourceType, authType);
}

export function renderDestination(
  row: DestinationRow,
  { auth, heldCount }: { auth?: object; heldCount?: number } = {},
): Destination {
  return {
    ...namedFields(row),
    type: row.type as DestinationType,
    ...gateFields(row, heldCount),
    disabled_reason: row.disabled_reason,
    held_until: time(heldUntil(row)),
    config: { ...row.config, ...(auth && { auth: { ...auth } }) },
  };
}

/** Until when its receiver wants nothing; null once that is over. */
export function heldUntil({ held_until: until, held_url: url, config }: DestinationRow) {
  const { url: own } = config as { url?: string };
  return until !== null && until.getTime() > gatewayNow() && url === own ? until : null;
}

export function renderConnection(
  joined: JoinedConnection,
  { heldCount, ...links }: Links & { heldCount?: number },
): Connection {
  const { connection: row, source, destination } = joined;
  return {
    id: row.id,
    name: row.name,
    full_name: row.name === null ? null : `${source.name} -> ${row.name}`,
    description: row.description,
    team_id: row.project_id,
    source: renderSource(source, links),
    destination: renderDestination(destination),
    rules: row.rules,
    ordering: row.ordering,
    webhook_headers: row.webhook_headers,
    disabled_at: time(row.disabled_at),
    ...gateFields(row, heldCount),
    ...times(row),
  };
}

export function renderRequest(row: RequestRow): Request {
  return {
    id: row.id,
    team_id: row.project_id,
    source_id: row.source_id,
    verified: row.verified,
    original_event_data_id: eventDataId(row.id),
    rejection_cause: row.rejection_cause,
    rejection_detail: row.rejection_detail,
    kind: row.kind,
    ingested_at: row.ingested_at.toISOString(),
    events_count: row.events_count,
    cli_events_count: row.cli_events_count,
    ignored_count: row.ignored_count,
    ...times(row),
  };
}

export function renderIgnoredEvent(row: IgnoredEventRow): IgnoredEvent {
  return {
    id: row.id,
    team_id: row.project_id,
    webhook_id: row.connection_id,
    request_id: row.request_id,
    cause: row.cause,
    meta: row.meta,
    mismatches:
      row.mismatches === null
        ? null
        : (parseAsWritten(row.mismatches) as IgnoredEvent['mismatches']),
    created_at: row.created_at.toISOString(),
  };
}

export function renderEvent(row: EventRow, links: Links): Event {
  return {
    id: row.id,
    team_id: row.project_id,
    webhook_id: row.connection_id,
    source_id: row.source_id,
    destination_id: row.destination_id,
    delivery_group: row.delivery_group,
    lane_key: row.lane_key,
    event_data_id: eventDataId(row.request_id),
    request_id: row.request_id,
    attempts: row.attempts,
    last_attempt_at: time(row.last_attempt_at),
    next_attempt_at: time(row.due_at),
    response_status: row.response_status,
    error_code: row.error_code,
    status: row.status,
    retry_state: row.retry_state,
    successful_at: time(row.successful_at),
    cli_id: row.cli_id,
    ...workflow(row.workflow_id, links),
    ...times(row),
  };
}

export function renderAttempt(row: AttemptRow, links: Links): Attempt {
  const headers = row.response_headers && headersOf(row.response_headers);
  const delivered = row.delivered_at?.getTime();
  return {
    id: row.id,
    team_id: row.project_id,
    event_id: row.event_id,
    destination_id: row.destination_id,
    response_status: row.response_status,
    attempt_number: row.number,
    trigger: row.trigger,
    error_code: row.error_code,
    message: row.message,
    ...shownBody(row.body, headers?.['content-type'] ?? 'text/plain'),
    body_truncated: row.body_truncated,
    response_headers: headers,
    requested_url: row.requested_url,
    http_method: row.http_method,
    bulk_retry_id: null,
    status: row.status ?? 'QUEUED',
    ...workflow(row.workflow_id, links),
    successful_at: time(row.successful_at),
    delivered_at: time(row.delivered_at),
    responded_at: time(row.responded_at),
    delivery_latency:
      delivered === undefined ? null : Math.max(0, delivered - row.created_at.getTime()),
    response_latency: row.response_latency,
    ...times(row),
  };
}

/** The data of a request has the request's own letters as id. */
export function eventDataId(requestId: string): string {
  return `edt_${requestId.slice(requestId.indexOf('_') + 1)}`;
}

function gateFields(
  row: Pick<DestinationRow, 'paused_at' | 'pause_reason'>,
  heldCount: number | undefined,
) {
  return {
    paused_at: time(row.paused_at),
    paused_reason: row.pause_reason,
    ...(heldCount === undefined ? {} : { held_count: heldCount }),
  };
}

function namedFields(row: NamedRow) {
  return {
    id: row.id,
    name: row.name,
    description: row.description,
    team_id: row.project_id,
    disabled_at: time(row.disabled_at),
    ...times(row),
  };
}

function workflow(id: string, { temporalUiUrl, namespace }: Links) {
  const path = `namespaces/${encodeURIComponent(namespace)}/workflows/${encodeURIComponent(id)}`;
  return {
    workflow_id: id,
    workflow_url: temporalUiUrl === '' ? null : `${temporalUiUrl}/${path}`,
  };
}

function times(row: { updated_at: Date; created_at: Date }) {
  return { updated_at: row.updated_at.toISOString(), created_at: row.created_at.toISOString() };
}

function time(value: Date | null): string | null {
  return value?.toISOString() ?? null;
}
