import type { Json } from './schemas.ts';

/** Fields that mean the same wherever they stand. A description in a schema itself wins. */
export const FIELDS: Record<string, string> = {
  id: 'Its id.',
  team_id: 'The project it belongs to.',
  name: 'Its name: letters, digits, - and _.',
  description: 'Free text for people.',
  source_id: 'The source.',
  destination_id: 'The destination.',
  webhook_id: 'The connection.',
  transformation_id: 'The transformation.',
  request_id: 'The request.',
  event_id: 'The event.',
  event_data_id: 'The data of the request. It has the letters of the request’s id.',
  original_event_data_id: 'The data of the request. It has the letters of the request’s id.',
  bulk_retry_id: 'Always null: there are no bulk retries yet.',
  issue_id: 'Always null: there are no issues yet.',
  cli_id: 'Always null: there are no command-line clients yet.',
  workflow_id: 'The Temporal workflow that works on it.',
  workflow_url: 'That workflow in the Temporal Web UI; null where the UI’s address is not known.',
  response_status: 'The status of the response; null where there was none.',
  error_code: 'Why the attempt failed; null for a plain HTTP status.',
  created_at: 'When it was created.',
  updated_at: 'When it was last changed.',
  disabled_at: 'Since when it is disabled; null while it is enabled.',
  paused_at: 'Since when it is paused; null while it is not.',
  successful_at: 'When it succeeded; null otherwise.',
  path: 'The path.',
  query: 'The query string, without its question mark.',
  parsed_query: 'The query by name. A name that occurs several times has a list.',
  headers: 'The headers by name, in lower case.',
  code: 'JavaScript that registers a handler with addHandler("transform", …).',
  env: 'The environment variables of the code.',
  isolation: 'strict runs each event in a new isolate; fast keeps one for each version.',
  log_level: 'The highest level the code logged at; fatal where it failed.',
  line: 'The line of the code that failed.',
  column: 'The column of the code that failed.',
  duration_ms: 'How long the code ran, in milliseconds.',
};

/** Parameters of lists that mean the same in each of them. */
export const PARAMETERS: Record<string, string> = {
  id: 'Only those with this id, or one of these ids.',
  name: 'Only those with this name.',
  type: 'Only those of this type.',
  disabled: 'true: only the disabled ones; false: only the enabled ones.',
  source_id: 'Only those of this source.',
  destination_id: 'Only those of this destination.',
  webhook_id: 'Only those of this connection.',
  request_id: 'Only those of this request.',
  event_id: 'Only those of this event.',
  event_data_id: 'Only those made of this request, by the id of its data.',
  status: 'Only those with this status.',
  error_code: 'Only those with this error code.',
  retry_state: 'Only those with this retry state.',
  cause: 'Only those that were ignored for this cause.',
  response_status: 'Only those with this HTTP status.',
  attempts: 'Only those with this number of attempts.',
  delivery_group:
    'Only those of this delivery group. 7 finds the group of the number and that of the text, "7" in quotes only that of the text.',
  lane_key: 'Only those that are delivered in order of this key. Its first 256 characters count.',
  trigger: 'Only those that were started by this.',
  created_at: 'Only those created at this time, or within these bounds.',
  updated_at: 'Only those last changed at this time, or within these bounds.',
  ingested_at: 'Only those that arrived at this time, or within these bounds.',
  disabled_at: 'Only those disabled at this time, or within these bounds; any lists all that are.',
  paused_at: 'Only those paused at this time, or within these bounds; any lists all that are.',
  successful_at: 'Only those that succeeded at this time, or within these bounds.',
  last_attempt_at: 'Only those last attempted at this time, or within these bounds.',
  next_attempt_at: 'Only those due at this time, or within these bounds; any lists all that are.',
  full_name: 'Only those whose "source -> connection" holds this text.',
  search_term: 'Only those whose body, headers, query or path hold this text.',
  headers: 'Only those with these headers, as a JSON object.',
  body: 'Only those whose body holds this, as JSON.',
  parsed_query: 'Only those with these query parameters, as a JSON object.',
  path: 'Only those whose path holds this text.',
  rejection_cause: 'Only those rejected for this cause.',
  verified: 'Only those that were verified, or were not.',
  ignored_cause: 'Only those that at least one connection ignored for this cause.',
  ignored_count: 'Only those that this number of connections ignored.',
  events_count: 'Only those that became this number of events.',
  cli_events_count:
    'Only those with this number of events for command-line clients: always 0, there are none yet.',
  outcome: 'Only those that ended like this.',
  log_level: 'Only those whose highest log level is this.',
  include: 'What to show besides: it is left out by default.',
  progressive: 'Accepted for compatibility; has no effect.',
  order_by: 'What to sort by. Two fields sort by the first, then by the second.',
  dir: 'The direction of sorting: asc or desc, one for each field of order_by.',
  limit: 'How many to return at most: 0 to 255, 100 if left out.',
  next: 'The page after this one: pagination.next of the answer before.',
  prev: 'The page before this one: pagination.prev of the answer before.',
};

/** The same schema, with a description from `words` for each field that has none. */
export function describeFields<Schema>(schema: Schema, words: Record<string, string>): Schema {
  if (Array.isArray(schema)) {
    return schema.map((each: unknown) => describeFields(each, words)) as Schema;
  }
  if (typeof schema !== 'object' || schema === null) return schema;
  const entries = Object.entries(schema).map(([key, value]) => {
    if (key !== 'properties') return [key, describeFields(value, words)];
    return [key, describedProperties(value as Record<string, Json>, words)];
  });
  return Object.fromEntries(entries) as Schema;
}

function describedProperties(
  properties: Record<string, Json>,
  words: Record<string, string>,
): Json {
  return Object.fromEntries(
    Object.entries(properties).map(([name, property]) => {
      const described = describeFields(property, words);
      const { description = words[name] } = described as { description?: string };
      return [name, description === undefined ? described : { ...described, description }];
    }),
  );
}
