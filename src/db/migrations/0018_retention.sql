set lock_timeout = '10s';

-- How far retention has come, a day at a time: what was made before `closed_day` (days since 1970) is settled and
-- removed. `closed_id` is where the ids of that day begin, without the prefix of their kind.
create table retention (
  only_one boolean primary key default true check (only_one),
  closed_day integer not null,
  closed_id text collate "C" not null,
  advanced_at timestamptz not null
);

-- Days that lie far ahead, which only a wrong clock can have made: since when it is known of them.
create table days_ahead (
  day integer primary key,
  seen_at timestamptz not null default now()
);

-- Processes whose clock differs from this server's by much.
create table clock_differences (
  process text primary key,
  ahead_ms double precision not null,
  seen_at timestamptz not null
);
