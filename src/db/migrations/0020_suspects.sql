set lock_timeout = '10s';

-- A request that was claimed by a process that died is a suspect: it is routed in small company, and then alone. How often
-- that was begun and did not end, and the dispatch that began it last; null: never a suspect.
alter table outbox add column trials smallint;
alter table outbox add column trial_of text collate "C";
create index outbox_suspects on outbox (trials, request_id) where dispatch_id = 'suspect';

-- Requests that could not be routed, until they are retried or removed: they are few, and counted at every scrape.
create table unrouted (
  request_id text collate "C" primary key,
  reason text not null,
  since timestamptz not null default now()
);
