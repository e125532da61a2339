set lock_timeout = '10s';

-- What deliveries to a destination are signed with: a sealed JSON array of {secret, not_after}, the newest first.
-- Null for a destination made before this version: it uses the project's secrets until they are rotated for it.
alter table destinations add column signing_secrets bytea;
