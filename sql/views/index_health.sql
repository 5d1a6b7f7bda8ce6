create or replace view search.index_health as
select s.schemaname::text as schema_name, s.relname::text as table_name, s.indexrelname::text as index_name,
       am.amname::text as method, i.indisvalid as valid,
       pg_relation_size(s.indexrelid) as bytes, greatest(c.reltuples, 0)::bigint as entries,
       case when c.reltuples > 0 then pg_relation_size(s.indexrelid) / c.reltuples end as bytes_each,
       s.idx_scan as scans,
       io.idx_blks_hit::double precision / nullif(io.idx_blks_hit + io.idx_blks_read, 0) as hit_share,
       -- an HNSW graph keeps a dead row as a node that every search still walks through, until a vacuum
       t.n_dead_tup::double precision / nullif(t.n_dead_tup + t.n_live_tup, 0) as dead_share,
       p.phase as build_phase,
       coalesce(p.tuples_done::double precision / nullif(p.tuples_total, 0),
                p.blocks_done::double precision / nullif(p.blocks_total, 0)) as build_share
from pg_stat_all_indexes s
join pg_index i on i.indexrelid = s.indexrelid
join pg_class c on c.oid = s.indexrelid
join pg_am am on am.oid = c.relam
join pg_statio_all_indexes io on io.indexrelid = s.indexrelid
join pg_stat_all_tables t on t.relid = s.relid
left join pg_stat_progress_create_index p on p.index_relid = s.indexrelid
where s.schemaname = 'search'
   or s.relid in (
       select r.oid from pg_class r
       where r.relnamespace = 'public'::regnamespace
         and (r.relname in ('tracks', 'artists', 'albums', 'tags', 'track_tags', 'playlists', 'playlist_tracks')
              -- an application may have a queue of its own there, where ours is in the schema of search
              or r.relname ~ '^procrastinate_' and to_regclass('search.procrastinate_jobs') is null))
order by bytes desc;
comment on view search.index_health is
    'Every index of the search, the catalogue and the queue: its size, how often and from where it was read, how many rows below it are '
    'dead, and how far it is built if it is being built. Entries are the planner''s estimate.
Example: select index_name, pg_size_pretty(bytes) as size, valid, dead_share from search.index_health where method = ''hnsw''';
comment on column search.index_health.schema_name is 'Schema of the table.';
comment on column search.index_health.table_name is 'The table.';
comment on column search.index_health.index_name is 'The index.';
comment on column search.index_health.method is 'Its kind: hnsw for a graph of vectors, gin for words, btree.';
comment on column search.index_health.valid is 'False after a build that was broken off: drop the index, or reindex.';
comment on column search.index_health.bytes is 'Its size.';
comment on column search.index_health.entries is 'The planner''s estimate of its entries.';
comment on column search.index_health.bytes_each is 'Bytes an entry.';
comment on column search.index_health.scans is 'How often it was read since statistics were reset.';
comment on column search.index_health.hit_share is 'Share of its pages that were in memory, 0 to 1, since statistics were reset.';
comment on column search.index_health.dead_share is 'Share of the rows of its table that a vacuum would remove, 0 to 1.';
comment on column search.index_health.build_phase is 'What is being done, while it is being built.';
comment on column search.index_health.build_share is 'How far the build is, 0 to 1.';
