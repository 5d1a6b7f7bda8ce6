create or replace view search.slow_queries as
select s.query, s.calls, s.mean_ms, s.worst_ms, s.total_ms, s.rows_each, s.read_share
from search_internal.slow_statements() as s;
comment on view search.slow_queries is
    'The fifty statements that took most time in all; empty unless pg_stat_statements is in use.
Example: select query, calls, mean_ms, worst_ms from search.slow_queries';
comment on column search.slow_queries.query is 'The statement, with its parameters left out.';
comment on column search.slow_queries.calls is 'How often it ran.';
comment on column search.slow_queries.mean_ms is 'Milliseconds a call.';
comment on column search.slow_queries.worst_ms is 'Milliseconds of the slowest call.';
comment on column search.slow_queries.total_ms is 'Milliseconds of all calls.';
comment on column search.slow_queries.rows_each is 'Rows a call.';
comment on column search.slow_queries.read_share is 'Share of its pages that were not in Postgres'' memory, 0 to 1.';
