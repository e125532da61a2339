set lock_timeout = '10s';

-- How apart two runs of the same code are kept: strict or fast.
alter table transformations add column isolation text not null default 'strict';
alter table transformation_versions add column isolation text not null default 'strict';

-- Which connections use a transformation is asked before it is deleted.
create index connections_rules on connections using gin (rules jsonb_path_ops);

-- For lists: without what went in and out, which may be a megabyte each.
create view execution_heads as
  select id, project_id, transformation_id, version, connection_id, request_id, outcome, log_level, logs, message, line,
    code_column, duration_ms, created_at
  from transformation_executions;
