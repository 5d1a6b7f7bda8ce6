create or replace view search.slow_queries as
select s.query, s.calls, s.mean_ms, s.worst_ms, s.total_ms, s.rows_each, s.read_share
from search.slow_statements() as s;
comment on view search.slow_queries is
    'The fifty statements that took most time in all; empty unless pg_stat_statements is in use.';
