set lock_timeout = '10s';

alter table destinations add column pause_reason text;
-- when its control workflow was started: null asks for one
alter table destinations add column control_started_at timestamptz;
create index destinations_uncontrolled on destinations (id) where control_started_at is null and deleted_at is null;

alter table connections add column epoch integer not null default 0;
alter table connections add column pause_reason text;
alter table connections add column control_started_at timestamptz;
-- {key, on_failure}: null delivers without order
alter table connections add column ordering jsonb;
create index connections_uncontrolled on connections (id) where control_started_at is null and deleted_at is null;

-- Workflows that wait for something else than time, in order of place: a gate that opens (paused), their turn among
-- many (turn), a pace that allows them to go on (pace). Whoever ends the wait marks the row woken; the workflow clears it.
create sequence parked_places;
create table parked (
  -- a destination's or a connection's id
  gate text collate "C" not null,
  reason text not null,
  workflow_id text collate "C" not null,
  place bigint not null default nextval('parked_places'),
  event_ids text[] not null,
  parked_at timestamptz not null default now(),
  woken_at timestamptz,
  primary key (gate, reason, workflow_id)
) with (fillfactor = 70, autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 1000);
create index parked_waiting on parked (gate, reason, place) where woken_at is null;
create index parked_workflow on parked (workflow_id);

-- How far a pace has been used up: of a destination (group ''), and of each of its delivery groups. Times in ms since 1970.
create table rate_slots (
  destination_id text collate "C" not null,
  delivery_group text collate "C" not null,
  -- the rate it was reckoned with, in words: another rate starts anew
  pace text not null,
  -- the earliest time the next delivery may have
  next_at double precision not null,
  -- where the line of those that wait for their turn ends
  line_at double precision not null,
  primary key (destination_id, delivery_group)
) with (fillfactor = 50, autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 1000);

-- Requests that are open where a policy limits how many may be. Renewed while they are; one that is not runs out.
create table leases (
  event_id text collate "C" primary key,
  destination_id text collate "C" not null,
  delivery_group text collate "C" not null,
  expires_at timestamptz not null
) with (fillfactor = 50, autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 1000);
create index leases_destination on leases (destination_id);

-- Which lane an event of an ordered connection goes in; '' where its key is missing. Null: no order.
alter table events add column lane_key text;
create table lane_events (
  connection_id text collate "C" not null,
  lane_key text collate "C" not null,
  event_id text collate "C" not null,
  primary key (connection_id, lane_key, event_id)
) with (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 5000);

create function enter_lane() returns trigger language plpgsql as $$
begin
  insert into lane_events values (new.connection_id, new.lane_key, new.id) on conflict do nothing;
  return null;
end $$;
create trigger enter_lane after insert on events for each row when (new.lane_key is not null) execute function enter_lane();

-- Until when somebody looks at a connection's lanes without being asked.
create table lanes (
  connection_id text collate "C" primary key,
  watched_until timestamptz
);

-- What workers think of destinations that fail: a row a worker, for reading only.
create table circuits (
  destination_id text collate "C" not null,
  worker text not null,
  state text not null,
  failures integer not null,
  opened_at timestamptz,
  probe_at timestamptz,
  updated_at timestamptz not null default now(),
  primary key (destination_id, worker)
);
