/** Whose the rows are, how many in all, and between which moments (ms since 1970) their ids lie. */
export type PreloadPlan = {
  sourceId: string;
  connectionId: string;
  destinationId: string;
  /** What stands behind a request's letters in the id of its event for this connection. */
  eventSuffix: string;
  fromMs: number;
  toMs: number;
  total: number;
  bodyBytes: number;
};

const DIGITS = '0123456789abcdefghjkmnpqrstvwxyz';
const HEADERS =
  '[["Host","127.0.0.1"],["Content-Type","application/json"],["Content-Length","1000"],["Connection","keep-alive"]]';

/** The statements that make finished rows, a chunk at a time: ids first, then one insert for each table. */
export function preloadStatements(plan: PreloadPlan) {
  return {
    chunk: (from: number, to: number) => chunk(plan, { from, to }),
    inserts: [
      requests(plan.sourceId),
      requestData(plan.bodyBytes),
      events(plan),
      attempts(plan.destinationId),
    ],
    forget: 'drop table bench_rows',
  };
}

/** A number as so many letters of the ids' alphabet; unrolled, for a function call a digit costs more than the row. */
function base32(expression: string, digits: number): string {
  const letters = Array.from({ length: digits }, (_, i) => {
    const shift = 5 * (digits - 1 - i);
    return `substr('${DIGITS}', ((${expression} >> ${shift}) & 31)::integer + 1, 1)`;
  });
  return letters.join(' || ');
}

function chunk(
  { fromMs, toMs, total, eventSuffix }: PreloadPlan,
  { from, to }: { from: number; to: number },
): string {
  const ms = `(${fromMs} + floor(n::double precision * ${toMs - fromMs} / ${total}))::bigint`;
  const body = `${base32('ms', 10)} || ${base32('n', 5)} || ${base32('(n * 7919 + 1234567)', 5)}`;
  return `
    create temp table bench_rows as
    select p.id as project_id, 'req_' || body as request_id, 'evt_' || body || '${eventSuffix}' as event_id,
      'atm_' || body || '${eventSuffix}0001' as attempt_id, to_timestamp(ms / 1000.0) as at
    from (select ms, ${body} as body from (select n, ${ms} as ms from generate_series(${from}::bigint, ${to - 1}::bigint) n) times) ids
      cross join (select id from projects limit 1) p`;
}

function requests(sourceId: string): string {
  return `
    insert into requests (id, project_id, source_id, verified, events_count, ingested_at, created_at, updated_at)
    select request_id, project_id, '${sourceId}', false, 1, at, at, at from bench_rows`;
}

function requestData(bodyBytes: number): string {
  return `
    insert into request_data (id, method, path, query, headers, body, remote_address)
    select request_id, 'POST', '', '', '${HEADERS}', convert_to('{"id":"' || request_id || '","pad":"' ||
      repeat(md5(request_id), ${Math.max(1, Math.floor((bodyBytes - 40) / 32))}) || '"}', 'UTF8'), '127.0.0.1'
    from bench_rows`;
}

function events({ sourceId, connectionId, destinationId }: PreloadPlan): string {
  return `
    insert into events (id, project_id, request_id, connection_id, source_id, destination_id, status, attempts,
      automatic_attempts, trigger, response_status, dispatch_id, workflow_id, last_attempt_at, successful_at, created_at, updated_at)
    select event_id, project_id, request_id, '${connectionId}', '${sourceId}', '${destinationId}', 'SUCCESSFUL', 1,
      1, 'AUTOMATIC', 200, 'dsp_' || substr(request_id, 5), 'requests/dsp_' || substr(request_id, 5), at, at, at, at from bench_rows`;
}

function attempts(destinationId: string): string {
  return `
    insert into attempts (id, project_id, event_id, destination_id, number, trigger, status, response_status, requested_url,
      http_method, response_headers, body, workflow_id, created_at, delivered_at, responded_at, successful_at, response_latency, updated_at)
    select attempt_id, project_id, event_id, '${destinationId}', 1, 'INITIAL', 'SUCCESSFUL', 200, 'http://127.0.0.1:9900/',
      'POST', '[["content-type","application/json"]]', '{"ok":true}', 'requests/dsp_' || substr(request_id, 5), at, at, at, at, 3, at
    from bench_rows`;
}
