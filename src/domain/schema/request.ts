import { z } from 'zod';
import { RejectionCause, RequestKind } from '../status.ts';
import { connectionId, eventDataId, projectId, requestId, sourceId } from './id.ts';
import { time } from './text.ts';

/** Bodies above this many bytes are kept and delivered, not searched and not shown in JSON. */
export const LARGE_PAYLOAD_BYTES = 2_500_000;

export const BodyEncoding = { Text: 'utf8', Base64: 'base64' } as const;
export type BodyEncoding = (typeof BodyEncoding)[keyof typeof BodyEncoding];

export const bodyEncoding = z.enum(BodyEncoding).describe('base64 where the body is not UTF-8');

/** What a request said, for people and filters: JSON is parsed, other text is a string, bytes are base64. */
export const payloadData = z
  .strictObject({
    path: z.string(),
    query: z.string().nullable(),
    parsed_query: z.record(z.string(), z.unknown()).nullable(),
    headers: z.record(z.string(), z.string()).nullable(),
    body: z.unknown(),
    body_encoding: bodyEncoding,
    is_large_payload: z.boolean(),
  })
  .meta({ id: 'PayloadData' });
export type PayloadData = z.infer<typeof payloadData>;

export const request = z
  .strictObject({
    id: requestId,
    team_id: projectId,
    source_id: sourceId,
    verified: z.boolean().nullable(),
    original_event_data_id: eventDataId.nullable(),
    rejection_cause: z.enum(RejectionCause).nullable(),
    rejection_detail: z
      .unknown()
      .describe(
        'Why a verification failed and what would mend it, or what it waits for; `body_cut` where the body is not whole',
      ),
    kind: z.enum(RequestKind),
    ingested_at: time,
    events_count: z.int(),
    cli_events_count: z.int(),
    ignored_count: z.int(),
    updated_at: time,
    created_at: time,
    data: payloadData.optional(),
  })
  .meta({ id: 'Request' });
export type Request = z.infer<typeof request>;

export const requestRetry = z
  .strictObject({ webhook_ids: z.array(connectionId).max(1000).optional() })
  .meta({ id: 'RequestRetry' });

export const rawBody = z
  .strictObject({ body: z.string(), body_encoding: bodyEncoding })
  .meta({ id: 'RawBody' });
export type RawBody = z.infer<typeof rawBody>;
