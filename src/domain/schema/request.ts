import { z } from 'zod';
import { RejectionCause, RequestKind } from '../status.ts';
import { connectionId, eventDataId, projectId, requestId, sourceId } from './id.ts';
import { time } from './text.ts';

/** Bodies above this many bytes are kept and delivered, not searched and not shown in JSON. */
export const LARGE_PAYLOAD_BYTES = 2_500_000;

export const BodyEncoding = { Text: 'utf8', Base64: 'base64' } as const;
export type BodyEncoding = (typeof BodyEncoding)[keyof typeof BodyEncoding];

export const bodyEncoding = z.enum(BodyEncoding).describe('base64 where the body is not UTF-8.');

/** What a request said, for people and filters: JSON is parsed, other text is a string, bytes are base64. */
export const payloadData = z
  .strictObject({
    path: z.string(),
    query: z.string().nullable(),
    parsed_query: z.record(z.string(), z.unknown()).nullable(),
    headers: z.record(z.string(), z.string()).nullable(),
    body: z.unknown().describe('The body: JSON as a value, other text as a string.'),
    body_encoding: bodyEncoding,
    is_large_payload: z.boolean().describe('Whether the body is left out because it is too large.'),
  })
  .meta({ id: 'PayloadData', description: 'What a sender sent.' });
export type PayloadData = z.infer<typeof payloadData>;

export const request = z
  .strictObject({
    id: requestId,
    team_id: projectId,
    source_id: sourceId,
    verified: z
      .boolean()
      .nullable()
      .describe(
        'Whether it passed verification; false where the source has none, null until it is judged.',
      ),
    original_event_data_id: eventDataId.nullable(),
    rejection_cause: z
      .enum(RejectionCause)
      .nullable()
      .describe(
        'Why it was rejected; null where it was accepted. Sluice never sets UNSUPPORTED_CONTENT_TYPE, UNPARSABLE_JSON, INGESTION_FATAL and UNKNOWN.',
      ),
    rejection_detail: z
      .unknown()
      .describe(
        'Why verification failed and how to fix it, or what the request waits for. `body_cut` where only part of the body was kept.',
      ),
    kind: z.enum(RequestKind).describe('An event, or the handshake of a provider.'),
    ingested_at: time.describe('When it arrived.'),
    events_count: z.int().describe('How many events it became.'),
    cli_events_count: z.int().describe('Always 0: there are no command-line clients yet.'),
    ignored_count: z.int().describe('How many connections ignored it.'),
    updated_at: time,
    created_at: time,
    data: payloadData.optional().describe('What was sent.'),
  })
  .meta({ id: 'Request', description: 'A request that arrived at a source.' });
export type Request = z.infer<typeof request>;

export const requestRetry = z
  .strictObject({
    webhook_ids: z
      .array(connectionId)
      .max(1000)
      .optional()
      .describe('The connections to route it to; all that ignored it if left out.'),
  })
  .meta({ id: 'RequestRetry', description: 'Which connections to route a request to.' });

export const rawBody = z
  .strictObject({
    body: z.string().describe('The body, as text or in base64.'),
    body_encoding: bodyEncoding,
  })
  .meta({ id: 'RawBody', description: 'A body, byte for byte.' });
export type RawBody = z.infer<typeof rawBody>;
