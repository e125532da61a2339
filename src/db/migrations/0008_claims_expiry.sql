set lock_timeout = '10s';

-- Claims come in the order in which they expire, or nearly: a summary of pages finds the old ones, and costs a claim
-- next to nothing.
drop index first_claims_expiry;
create index first_claims_expiry on first_claims using brin (expires_at) with (pages_per_range = 32);
