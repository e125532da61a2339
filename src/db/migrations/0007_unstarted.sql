set lock_timeout = '10s';

-- Events that wait for their turn before any workflow was started for them: their delivery starts when it comes.
alter table parked add column unstarted boolean not null default false;
