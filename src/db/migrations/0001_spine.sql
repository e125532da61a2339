set lock_timeout = '10s';

-- Ids are text in the "C" collation: their order is the order of time.

create table projects (
  id text collate "C" primary key,
  name text not null,
  headers_prefix text not null default 'x-sluice',
  -- sealed JSON array of {secret, not_after}: the newest first
  signing_secrets bytea not null,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now()
);

create table api_keys (
  id text collate "C" primary key,
  project_id text collate "C" not null references projects (id),
  label text not null,
  -- SHA-256 of the key: a key has 256 random bits, so a slow hash buys nothing
  hash bytea not null unique,
  fingerprint text not null,
  expires_at timestamptz,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now()
);

create table sources (
  project_id text collate "C" not null references projects (id),
  id text collate "C" primary key,
  name text not null,
  description text,
  type text not null,
  -- everything but config.auth, which is sealed
  config jsonb not null default '{}',
  auth bytea,
  disabled_at timestamptz,
  deleted_at timestamptz,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now()
);
create unique index sources_name on sources (project_id, name) where deleted_at is null;
create index sources_updated on sources (updated_at);

create table destinations (
  project_id text collate "C" not null references projects (id),
  id text collate "C" primary key,
  name text not null,
  description text,
  type text not null,
  config jsonb not null default '{}',
  auth bytea,
  -- the gate: what attempts check; epoch rises with every change of it
  paused_at timestamptz,
  epoch integer not null default 0,
  disabled_at timestamptz,
  deleted_at timestamptz,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now()
);
create unique index destinations_name on destinations (project_id, name) where deleted_at is null;
create index destinations_updated on destinations (updated_at);

create table connections (
  project_id text collate "C" not null references projects (id),
  id text collate "C" primary key,
  name text,
  description text,
  source_id text collate "C" not null references sources (id),
  destination_id text collate "C" not null references destinations (id),
  rules jsonb not null default '[]',
  paused_at timestamptz,
  disabled_at timestamptz,
  deleted_at timestamptz,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now()
);
create unique index connections_name on connections (source_id, name) where deleted_at is null;
create index connections_destination on connections (destination_id);
create index connections_updated on connections (updated_at);

-- What arrived. The row that changes is narrow; the bytes stand in request_data and never change.
create table requests (
  id text collate "C" not null,
  project_id text collate "C" not null,
  source_id text collate "C" not null,
  verified boolean,
  rejection_cause text,
  -- why a verification failed and what would mend it: {reason, hint}
  rejection_detail jsonb,
  kind text not null default 'event',
  events_count integer not null default 0,
  ignored_count integer not null default 0,
  cli_events_count integer not null default 0,
  ingested_at timestamptz not null,
  created_at timestamptz not null,
  updated_at timestamptz not null,
  primary key (id)
) partition by range (id);
create index requests_source on requests (source_id, id);
create index requests_rejected on requests (project_id, id) where rejection_cause is not null;

create table request_data (
  id text collate "C" not null,
  method text not null,
  path text not null,
  query text not null,
  -- [[name, value], …] as received, in order and case
  headers json not null,
  body bytea not null,
  remote_address text,
  primary key (id)
) partition by range (id);

-- What waits to be routed. Narrow and short-lived.
create table outbox (
  request_id text collate "C" primary key,
  source_id text collate "C" not null,
  -- where a retry is meant for some of the connections only
  connection_ids text[],
  -- the verdict needs the network: it is taken before routing
  unverified boolean not null default false,
  dispatch_id text collate "C",
  claimed_by integer,
  claimed_at timestamptz
) with (fillfactor = 50, autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 5000, autovacuum_vacuum_cost_delay = 0);
create index outbox_waiting on outbox (source_id, request_id) where dispatch_id is null;
create index outbox_claimed on outbox (claimed_by) where dispatch_id is not null;

-- Who came first: the owner of a key within a scope, until it expires. A scope is a source (idempotency keys,
-- replayed signatures) or a connection (deduplication).
create table first_claims (
  scope text collate "C" not null,
  -- SHA-256: a key is somebody else's text, of any length
  key bytea not null,
  owner text collate "C" not null,
  expires_at timestamptz not null,
  primary key (scope, key)
);
create index first_claims_expiry on first_claims (expires_at);

-- An event's id is derived from (request, connection, part): its first 20 letters are the request's.
-- So the events of a request are a range of ids, and routing twice makes nothing twice.
create table events (
  id text collate "C" not null,
  project_id text collate "C" not null,
  request_id text collate "C" not null,
  connection_id text collate "C" not null,
  source_id text collate "C" not null,
  destination_id text collate "C" not null,
  status text not null,
  attempts integer not null default 0,
  automatic_attempts integer not null default 0,
  -- what the next attempt will be called
  trigger text not null default 'INITIAL',
  response_status integer,
  error_code text,
  delivery_group text,
  dispatch_id text collate "C" not null,
  workflow_id text not null,
  has_payload boolean not null default false,
  cli_id text,
  last_attempt_at timestamptz,
  next_attempt_at timestamptz,
  -- when the schedule of automatic retries goes on: a manual attempt in between does not change it
  automatic_at timestamptz,
  successful_at timestamptz,
  created_at timestamptz not null,
  updated_at timestamptz not null,
  primary key (id)
) partition by range (id);
create index events_destination on events (destination_id, id);
create index events_connection on events (connection_id, id);
create index events_unsettled on events (project_id, status, id) where status <> 'SUCCESSFUL';

-- Only where a transformation changed something.
create table event_payloads (
  event_id text collate "C" not null,
  path text not null,
  query text not null,
  headers json not null,
  body bytea not null,
  primary key (event_id)
) partition by range (event_id);

create table ignored_events (
  request_id text collate "C" not null,
  connection_id text collate "C" not null,
  project_id text collate "C" not null,
  cause text not null,
  meta jsonb,
  created_at timestamptz not null,
  primary key (request_id, connection_id)
) partition by range (request_id);
create index ignored_events_connection on ignored_events (connection_id, request_id);

-- One row a try, written before the first byte leaves. An id is the event's with the number behind it,
-- so two tries cannot take the same number.
create table attempts (
  id text collate "C" not null,
  project_id text collate "C" not null,
  event_id text collate "C" not null,
  destination_id text collate "C" not null,
  number integer not null,
  trigger text not null,
  -- null while it is under way
  status text,
  response_status integer,
  error_code text,
  message text,
  requested_url text,
  http_method text,
  response_headers json,
  body bytea,
  body_truncated boolean not null default false,
  workflow_id text not null,
  created_at timestamptz not null,
  delivered_at timestamptz,
  responded_at timestamptz,
  successful_at timestamptz,
  response_latency integer,
  updated_at timestamptz not null,
  primary key (id)
) partition by range (id);
create index attempts_destination on attempts (destination_id, id);

create table requests_default partition of requests default with (fillfactor = 80);
create table request_data_default partition of request_data default;
create table events_default partition of events default with (fillfactor = 70);
create table event_payloads_default partition of event_payloads default;
create table ignored_events_default partition of ignored_events default;
create table attempts_default partition of attempts default with (fillfactor = 60);

-- A text filter over bodies must never fail on a body that is not JSON.
create function try_jsonb(value bytea) returns jsonb language plpgsql immutable parallel safe as $$
begin
  return convert_from(value, 'UTF8')::jsonb;
exception when others then
  return null;
end $$;

-- Every process keeps the configuration in memory; a change tells them all which row to read again.
create function notify_config() returns trigger language plpgsql as $$
begin
  perform pg_notify('sluice_config', tg_table_name || ':' || new.id);
  return null;
end $$;
create trigger notify_config after insert or update on projects for each row execute function notify_config();
create trigger notify_config after insert or update on sources for each row execute function notify_config();
create trigger notify_config after insert or update on destinations for each row execute function notify_config();
create trigger notify_config after insert or update on connections for each row execute function notify_config();
