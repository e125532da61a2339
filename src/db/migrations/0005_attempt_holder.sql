set lock_timeout = '10s';

-- The process that makes an attempt: the number of its dispatcher's session, whose advisory lock shows that it lives.
alter table attempts add column holder integer;
