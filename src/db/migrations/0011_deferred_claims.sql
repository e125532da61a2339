set lock_timeout = '10s';

-- What a request that waits claims when it is routed, [{hash, until, replay}]: its sender's own id, its signature. Whoever
-- claims second is rejected as a replay.
alter table outbox add column claims jsonb;

-- Replaced by claims, and in use no more.
drop table first_claims;
