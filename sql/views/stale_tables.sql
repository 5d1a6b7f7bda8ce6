create or replace view search.stale_tables as
select n.table_name, bool_and(n.followed) as followed, min(n.noted_at) as since, array_agg(distinct n.error) as errors
from search.stale_notes n
group by n.table_name;
comment on view search.stale_tables is
    'Tables of an adopted catalogue whose writes search cannot follow in the usual way, as after a column was renamed. '
    'Empty when all is well. vibe-search db adopt says what is missing, or reads the names again.
Example: select table_name, since, errors from search.stale_tables';
comment on column search.stale_tables.table_name is 'The table of the application.';
comment on column search.stale_tables.followed is
    'Whether search still reads its rows by their keys. If not, changed rows are hidden until the next adoption.';
comment on column search.stale_tables.since is 'When it began.';
comment on column search.stale_tables.errors is 'What Postgres said.';
