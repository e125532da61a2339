set lock_timeout = '10s';

-- Requests that wait for a key server, by source: looked at every few seconds while there are any.
create index outbox_apart on outbox (source_id, request_id) where starts_with(dispatch_id, 'verdict/');
