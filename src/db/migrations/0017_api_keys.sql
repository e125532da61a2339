set lock_timeout = '10s';

-- Where a key came from: API_KEY, the first start of a data directory, or the API. Until now nothing else made keys, and
-- what API_KEY said before must not open anything once it says something else; the start after this one knows what it made.
alter table api_keys add column origin text not null default 'environment' check (origin in ('environment', 'first_start', 'api'));
alter table api_keys alter column origin set default 'api';
-- A revoked key stays, so that no start brings it back.
alter table api_keys add column revoked_at timestamptz;
alter table api_keys add column last_used_at timestamptz;
-- Where the request came in, where a proxy says so and it is not the address the gateway is known by: what a provider signed.
alter table request_data add column origin text;
