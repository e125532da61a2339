set lock_timeout = '10s';

create table transformations (
  project_id text collate "C" not null references projects (id),
  id text collate "C" primary key,
  name text not null,
  code text not null,
  -- sealed JSON object: what the code reads as process.env
  env bytea not null,
  version integer not null default 1,
  deleted_at timestamptz,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now()
);
create unique index transformations_name on transformations (project_id, name) where deleted_at is null;
create index transformations_updated on transformations (updated_at);
create trigger notify_config after insert or update on transformations for each row execute function notify_config();

-- Every version that ever was: who made it and when; rolling back makes a new one.
create table transformation_versions (
  transformation_id text collate "C" not null references transformations (id),
  version integer not null,
  code text not null,
  env bytea not null,
  created_by text not null,
  created_at timestamptz not null default now(),
  primary key (transformation_id, version)
);

create table transformation_executions (
  -- derived from (request, connection, place of the rule): routing twice records once
  id text collate "C" not null,
  project_id text collate "C" not null,
  transformation_id text collate "C" not null,
  version integer not null,
  connection_id text collate "C" not null,
  request_id text collate "C" not null,
  outcome text not null,
  log_level text not null,
  logs json not null,
  -- what came in where it was not the request itself, and what went out; null where there is none
  input text,
  output text,
  message text,
  line integer,
  code_column integer,
  duration_ms double precision not null,
  created_at timestamptz not null,
  primary key (id)
) partition by range (id);
create index transformation_executions_list on transformation_executions (transformation_id, id);
create table transformation_executions_default partition of transformation_executions default;
