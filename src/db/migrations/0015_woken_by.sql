set lock_timeout = '10s';

-- The process that woke a workflow: the number of its dispatcher's session, whose advisory lock shows that it lives.
alter table parked add column woken_by integer;
create index parked_woken on parked (woken_by) where woken_at is not null;
