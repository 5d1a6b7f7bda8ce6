create or replace view search.sizes as
with tables as (
    select coalesce(parent.oid, c.oid) as oid, coalesce(parent.relname, c.relname)::text as name,
           coalesce(parent.relnamespace, c.relnamespace)::regnamespace::text as schema_name,
           greatest(c.reltuples, 0)::bigint as rows, pg_table_size(c.oid) as heap_bytes, pg_indexes_size(c.oid) as index_bytes
    from pg_class c
    left join pg_inherits i on i.inhrelid = c.oid
    left join pg_class parent on parent.oid = i.inhparent
    where c.relkind in ('r', 'm') and (
        c.relnamespace = 'search'::regnamespace
        or c.relnamespace = 'public'::regnamespace and (
            c.relname in ('tracks', 'artists', 'albums', 'tags', 'track_tags', 'playlists', 'playlist_tracks')
            -- an application may have a queue of its own there, where ours is in the schema of search
            or c.relname ~ '^procrastinate_' and to_regclass('search.procrastinate_jobs') is null))
), topics as (
    select case when t.name ~ '^procrastinate_' then 'queue'
                when t.name ~ '^mirror_' then 'mirror'
                when t.name ~ '^map_' then 'map'
                when t.name in ('embeddings', 'calibration_tracks') then 'vectors'
                when t.name in ('documents', 'words', 'word_deletions', 'common_words', 'word_count_changes', 'track_count_changes') then 'names'
                when t.name in ('tracks', 'artists', 'albums', 'tags', 'track_tags', 'playlists', 'playlist_tracks')
                    then 'catalogue'
                else 'other' end as topic, t.*
    from tables t
), summed as (
    select t.topic, t.schema_name || '.' || t.name as name, sum(t.rows)::bigint as rows,
           sum(t.heap_bytes)::bigint as heap_bytes, sum(t.index_bytes)::bigint as index_bytes
    from topics t
    -- each table, each topic, and everything
    group by grouping sets ((t.topic, t.schema_name, t.name), (t.topic), ())
)
select coalesce(s.topic, 'everything') as topic, s.name, s.rows, s.heap_bytes, s.index_bytes,
       s.heap_bytes + s.index_bytes as total_bytes, pg_size_pretty(s.heap_bytes + s.index_bytes) as total
from summed s
order by s.topic is not null, s.name is not null, s.heap_bytes + s.index_bytes desc, s.name;
comment on view search.sizes is
    'How big everything is: one row for all of it, one for each topic, and one for each table, its partitions taken together.
Example: select topic, name, rows, total from search.sizes';
comment on column search.sizes.topic is 'everything, catalogue, names, vectors, queue, mirror, map or other.';
comment on column search.sizes.name is 'The table with its schema; null in a row that sums a topic or everything.';
comment on column search.sizes.rows is 'The planner''s estimate of the rows.';
comment on column search.sizes.heap_bytes is 'Bytes of the rows, with what is stored apart of long ones.';
comment on column search.sizes.index_bytes is 'Bytes of the indexes.';
comment on column search.sizes.total_bytes is 'The sum of both.';
comment on column search.sizes.total is 'The same for people to read.';
