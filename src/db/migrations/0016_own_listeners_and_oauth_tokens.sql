set lock_timeout = '10s';

-- Where the processes of this gateway listen, and the servers they brought along: no delivery may go there.
create table own_listeners (
  -- whoever writes it says every few seconds that it lives
  process text collate "C" primary key,
  -- the network its loopback addresses belong to, and the other addresses it has there
  network text not null,
  addresses text[] not null,
  -- [{address, port}]
  listeners jsonb not null,
  seen_at timestamptz not null default now()
);

-- What a rotating authorization server handed out last, in place of the refresh token that was saved with a destination.
create table oauth_tokens (
  -- a hash over the destination, the authorization server, the client and the refresh token that was saved; a new
  -- secret or scope beside the same refresh token keeps the row
  key text collate "C" primary key,
  -- the destination: its older rows go when a newer one is written
  owner text collate "C" not null,
  -- sealed {refreshToken, credentials, accessToken, expiresAtMs}
  tokens bytea,
  -- one process at a time uses a refresh token up
  leased_until timestamptz,
  -- when the lease began whose tokens are kept
  updated_at timestamptz not null default now()
);
create index oauth_tokens_owner on oauth_tokens (owner);
