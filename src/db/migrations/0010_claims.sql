set lock_timeout = '10s';

-- As first_claims, by a key of 16 bytes that holds its scope: a third of the index, and half of what a claim costs.
-- Processes of the version before still use the old table; it goes with a later migration.
create table claims (
  -- the beginning of a SHA-256 of scope and key
  key uuid primary key,
  owner text collate "C" not null,
  expires_at timestamptz not null
) with (
  autovacuum_vacuum_insert_threshold = 200000,
  autovacuum_analyze_threshold = 50000,
  autovacuum_analyze_scale_factor = 0.5
);

-- They come in the order in which they expire, or nearly: a summary of pages finds the old ones.
create index claims_expiry on claims using brin (expires_at) with (pages_per_range = 32);

insert into claims (key, owner, expires_at)
select encode(substring(sha256(convert_to(scope, 'UTF8') || '\x00'::bytea || key) for 16), 'hex')::uuid, owner, expires_at
from first_claims where expires_at > now();
