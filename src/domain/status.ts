/** The closed sets of the gateway's vocabulary: the same words in code, API, tables and pages. */

export const RejectionCause = {
  SourceDisabled: 'SOURCE_DISABLED',
  NoConnection: 'NO_CONNECTION',
  VerificationFailed: 'VERIFICATION_FAILED',
  UnsupportedHttpMethod: 'UNSUPPORTED_HTTP_METHOD',
  UnsupportedContentType: 'UNSUPPORTED_CONTENT_TYPE',
  UnparsableJson: 'UNPARSABLE_JSON',
  PayloadTooLarge: 'PAYLOAD_TOO_LARGE',
  IngestionFatal: 'INGESTION_FATAL',
  SchemaViolation: 'SCHEMA_VIOLATION',
  Replayed: 'REPLAYED',
  PastRetention: 'PAST_RETENTION',
  /** It could not be routed; `rejection_detail` says why. */
  RoutingFailed: 'ROUTING_FAILED',
  Unknown: 'UNKNOWN',
} as const;
export type RejectionCause = (typeof RejectionCause)[keyof typeof RejectionCause];

export const EventStatus = {
  Scheduled: 'SCHEDULED',
  Queued: 'QUEUED',
  Hold: 'HOLD',
  Successful: 'SUCCESSFUL',
  Failed: 'FAILED',
  Cancelled: 'CANCELLED',
} as const;
export type EventStatus = (typeof EventStatus)[keyof typeof EventStatus];

/** Whether Sluice tries an event that is `FAILED` again by itself. */
export const RetryState = {
  /** A retry follows at `next_attempt_at`, or is under way. */
  Pending: 'PENDING',
  /** A retry has its time, but the destination or the connection is disabled. */
  Blocked: 'BLOCKED',
  /** No automatic retry follows. */
  Ended: 'ENDED',
} as const;
export type RetryState = (typeof RetryState)[keyof typeof RetryState];

export const IgnoredCause = {
  Disabled: 'DISABLED',
  Filtered: 'FILTERED',
  TransformationFailed: 'TRANSFORMATION_FAILED',
  TransformationDropped: 'TRANSFORMATION_DROPPED',
  Deduplicated: 'DEDUPLICATED',
  CliDisconnected: 'CLI_DISCONNECTED',
} as const;
export type IgnoredCause = (typeof IgnoredCause)[keyof typeof IgnoredCause];

export const AttemptStatus = { Successful: 'SUCCESSFUL', Failed: 'FAILED' } as const;
export type AttemptStatus = (typeof AttemptStatus)[keyof typeof AttemptStatus];

export const AttemptTrigger = {
  Initial: 'INITIAL',
  Automatic: 'AUTOMATIC',
  Manual: 'MANUAL',
  BulkRetry: 'BULK_RETRY',
  Unpause: 'UNPAUSE',
} as const;
export type AttemptTrigger = (typeof AttemptTrigger)[keyof typeof AttemptTrigger];

export const RequestKind = { Event: 'event', Handshake: 'handshake' } as const;
export type RequestKind = (typeof RequestKind)[keyof typeof RequestKind];

export const DestinationType = { Http: 'HTTP', Cli: 'CLI', MockApi: 'MOCK_API' } as const;
export type DestinationType = (typeof DestinationType)[keyof typeof DestinationType];

/** Whose Standard Webhooks headers a connection's deliveries carry: Sluice's, or the sender's where it sent some. */
export const WebhookHeaders = { Replace: 'replace', PassThrough: 'pass_through' } as const;
export type WebhookHeaders = (typeof WebhookHeaders)[keyof typeof WebhookHeaders];

/** The headers that tell a receiver about the gateway's insides; a destination lists those it wants. */
export const InternalHeader = {
  EventUrl: 'event_url',
  OriginalIp: 'original_ip',
  ConnectionName: 'connection_name',
  DestinationName: 'destination_name',
} as const;
export type InternalHeader = (typeof InternalHeader)[keyof typeof InternalHeader];
