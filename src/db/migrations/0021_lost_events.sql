set lock_timeout = '10s';

-- What waits for a time. Empty on the usual way of an event, which touches no index.
create index events_due on events (next_attempt_at, id) where next_attempt_at is not null;

-- Who looks for what was left behind, one process at a time: until then it is this one's.
create table sweeps (
  name text primary key,
  holder integer not null,
  held_until timestamptz not null
);

-- The namespace that holds our workflows, by Temporal's own id for it: another one has none of them.
create table temporal_namespaces (
  name text primary key,
  namespace_id text not null
);
