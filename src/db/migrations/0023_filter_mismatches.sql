set lock_timeout = '10s';

-- The keys that did not match a filter, each with its condition and what was there. As text: a number keeps its digits,
-- and may be larger than a number of PostgreSQL.
alter table ignored_events add column mismatches json;
