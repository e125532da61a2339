set lock_timeout = '10s';

-- Whether deliveries of a connection carry Sluice's Standard Webhooks headers or the sender's own.
alter table connections add column webhook_headers text not null default 'replace';
