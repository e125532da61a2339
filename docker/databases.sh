#!/bin/sh
# Makes the roles and databases of the gateway and of Temporal where they are missing, and sets the
# passwords to those given. Runs at every start, on PG* of the environment.
set -eu

psql --no-psqlrc --quiet --set=ON_ERROR_STOP=1 --dbname=postgres \
  --set=sluice_password="$SLUICE_DB_PASSWORD" --set=temporal_password="$TEMPORAL_DB_PASSWORD" <<'SQL'
-- Two of these jobs at once take turns.
select pg_advisory_lock(7318204512) \g /dev/null

select format('create role %I login', name)
from unnest(array['sluice', 'temporal']) as name
where not exists (select from pg_roles where rolname = name) \gexec

-- Passwords do not belong into the server's log.
set log_statement = none;
set log_min_error_statement = panic;
alter role sluice password :'sluice_password';
alter role temporal password :'temporal_password';

select format('create database %I owner %I', name, owner)
from (values ('sluice', 'sluice'), ('temporal', 'temporal'), ('temporal_visibility', 'temporal'))
  as wanted (name, owner)
where not exists (select from pg_database where datname = name) \gexec

revoke connect on database sluice, temporal, temporal_visibility from public;
SQL
