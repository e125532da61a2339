set lock_timeout = '10s';

-- Until when a provider's handshake may hand over a source's secret. Sources that exist already have to be opened
-- by their operator; a new one is open for its first hour.
alter table sources add column setup_until timestamptz;
alter table sources alter column setup_until set default now() + interval '1 hour';
