set lock_timeout = '10s';

-- Claims are only ever put in and purged: looking through them every few seconds finds nothing, and costs a request
-- that claims more than its claim does.
alter table first_claims set (
  autovacuum_vacuum_insert_threshold = 200000,
  autovacuum_analyze_threshold = 50000,
  autovacuum_analyze_scale_factor = 0.5
);
