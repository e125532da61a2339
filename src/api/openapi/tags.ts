/** The groups of operations, in the order in which a reader meets them. */
const TAGS = {
  ingest: 'Where senders deliver webhooks, and where your own code publishes events.',
  sources:
    'A source is an address that accepts requests. Its type says who sends them and how they are verified.',
  destinations:
    'A destination is where events are delivered: its URL, its authentication and its pace.',
  connections:
    'A connection leads from a source to a destination, through rules that filter, transform, delay, deduplicate and retry.',
  transformations:
    'A transformation is JavaScript that changes a request before it is delivered. Rules of connections run it.',
  requests:
    'A request is what a sender sent, kept byte for byte, whether Sluice accepted or rejected it.',
  events:
    'An event is one request for one connection. It is delivered, retried, cancelled or replayed.',
  attempts: 'An attempt is one try to deliver an event, with the response of its destination.',
  'signing secrets': 'What receivers need to verify that a delivery comes from Sluice.',
  'api keys': 'The keys that open this API.',
  operations: 'Health, metrics and this document, for those who run Sluice.',
} as const;

/** The group an operation belongs to. */
export type Tag = keyof typeof TAGS;

/** The groups with their descriptions, as OpenAPI lists them. */
export const tags = Object.entries(TAGS).map(([name, description]) => ({ name, description }));
