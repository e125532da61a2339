set lock_timeout = '10s';

-- The status of events that somebody may look for. Null for one on its usual way, from queued to successful: to settle
-- it touches no index, and no page but its own.
alter table events add column noted_status text
  generated always as (case when status not in ('QUEUED', 'SUCCESSFUL') then status end) stored;
drop index events_unsettled;
create index events_noted on events (project_id, noted_status, id) where noted_status is not null;
