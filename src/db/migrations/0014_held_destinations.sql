set lock_timeout = '10s';

-- What the receiver asked for: nothing before this time, at the URL that said so. Another URL is another receiver.
alter table destinations add column held_until timestamptz;
alter table destinations add column held_url text;

-- Why Sluice itself disabled it; null where somebody did.
alter table destinations add column disabled_reason text;
