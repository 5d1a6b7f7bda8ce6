-- The synthetic catalogue of the benchmark: how it is built, and what is measured on it.

-- benchmark_schema: Tables for what the benchmark knows of its own catalogue.
create schema benchmark;
create table benchmark.state (key text primary key, value jsonb not null);
create table benchmark.words (rank integer primary key, word text not null);

-- benchmark_after_load: Set owners and sequences after rows were copied with their own ids and without triggers.
update search.embeddings e
set owner = t.artist_did
from public.tracks t
where t.id = e.track_id and t.visibility = 'private';
select setval(pg_get_serial_sequence('public.tracks', 'id'), (select max(id) from public.tracks)),
       setval(pg_get_serial_sequence('public.albums', 'id'), (select max(id) from public.albums)),
       setval(pg_get_serial_sequence('public.tags', 'id'), (select max(id) from public.tags)),
       setval(pg_get_serial_sequence('public.playlists', 'id'), (select max(id) from public.playlists));

-- benchmark_vector_indexes: Indexes over the vectors of the serving model, with the statements that create them.
select i.indexname, i.indexdef
from pg_indexes i
join search.models m on m.serving and i.tablename = format('embeddings_%s', m.id)
where i.schemaname = 'search' and i.indexdef like '% USING hnsw %'

-- benchmark_settings: Settings of the server that affect speed.
select s.name, current_setting(s.name)
from unnest(array[
    'server_version', 'shared_buffers', 'effective_cache_size', 'work_mem', 'maintenance_work_mem', 'max_wal_size',
    'random_page_cost', 'max_parallel_maintenance_workers', 'max_parallel_workers_per_gather', 'jit', 'fsync',
    'synchronous_commit'
]) with ordinality as s (name, place)
union all
select 'pgvector', extversion from pg_extension where extname = 'vector'

-- benchmark_sizes: Bytes of the tables of search, without their indexes, and of each index.
-- partitions are told apart by their names
select c.relname, case when c.relkind = 'r' then pg_table_size(c.oid) else pg_relation_size(c.oid) end
from pg_class c
where c.relnamespace = 'search'::regnamespace and c.relkind in ('r', 'i') and pg_relation_size(c.oid) > 8192
order by 2 desc, 1

-- benchmark_known_tracks: Listed tracks drawn without replacement, uniformly or weighted by plays; the salt decides which.
-- Efraimidis and Spirakis 2006: the smallest -ln(u) / weight
select t.title, a.display_name
from public.tracks t
join public.artists a on a.did = t.artist_did
where search.is_listed(t.visibility)
order by -ln((('x' || substr(md5(t.id || :salt), 1, 8))::bit(32)::bigint + 1) / 4294967297.0)
         / case when :by_plays then 1 + t.play_count else 1 end, t.id
limit :count

-- benchmark_known_artists: Artists drawn uniformly; the salt decides which.
select a.display_name
from public.artists a
order by md5(a.did || :salt)
limit :count

-- benchmark_common_words: The words that occur in most titles.
select word
from (select lower(unnest(string_to_array(title, ' '))) as word from public.tracks) as words
group by word
order by count(*) desc, word
limit :count

-- benchmark_names: Every listed name.
select kind, label from search.documents where listed

-- benchmark_titles: Titles of all tracks in the order of their ids, which are 1, 2, 3 and so on.
select title from public.tracks order by id

-- benchmark_hnsw_settings: The parameters of pgvector that search.nearest_tracks sets for itself.
select split_part(setting, '=', 1), split_part(setting, '=', 2)
from pg_proc p
cross join unnest(p.proconfig) as setting
where p.oid = 'search.nearest_tracks(public.halfvec, text, integer, bigint[])'::regprocedure and setting like 'hnsw.%'

-- benchmark_nearest: The inner query of search.nearest_tracks for an anonymous viewer.
-- partition and dimensions are put in as text, since a parameter would keep the index from being used
select e.track_id
from search.<partition> e
where e.listed
order by e.embedding::public.halfvec(<dimensions>) operator(public.<=>) %s::public.halfvec(<dimensions>)
limit 20

-- benchmark_exact_nearest: The nearest listed tracks of the serving model, found by reading all vectors.
select e.track_id
from search.embeddings e
where e.listed and e.model_id = (select id from search.models where serving)
order by e.embedding operator(public.<=>) :vector ::public.halfvec, e.track_id
limit 20

-- benchmark_new_tracks: Titles, artists and albums for tracks to insert, copied from existing tracks.
select t.title, t.artist_did, t.album_id
from public.tracks t
order by md5(t.id || 'new')
limit :count

-- benchmark_insert_track: Insert a track that has a placeholder for audio.
insert into public.tracks (title, artist_did, album_id, file_id, file_type)
values (:title, :artist_did, :album_id, repeat('f', 64), 'mp3')
returning id

-- benchmark_tag_sets: Sets of three tags, drawn as often as the tags are used.
select array_agg(drawn.tag_id)
from (
    select tag_id, row_number() over (order by md5(track_id || '-' || tag_id)) as place
    from public.track_tags
) as drawn
where drawn.place <= 3 * :count
group by drawn.place % :count
having count(distinct drawn.tag_id) = 3

-- benchmark_big_artist: Insert an artist with a thousand tracks on a hundred albums, with titles of existing ones.
with artist as (
    insert into public.artists (did, handle, display_name)
    values (:did, 'benchmark-of-renaming.example', 'Benchmark Of Renaming')
    returning did
),
albums as (
    insert into public.albums (artist_did, title, slug)
    select artist.did, copied.title, 'album-' || copied.id
    from artist, (select id, title from public.albums order by md5(id || 'big') limit 100) as copied
    returning id
),
numbered as (
    select id, row_number() over () as place, count(*) over () as albums from albums
),
copied as (
    -- a catalogue of a thousand tracks may have fewer than a thousand titles to copy
    select title, row_number() over () as place
    from (
        select title from public.tracks, generate_series(1, 2) as copy (n) order by md5(id || '-' || n) limit 1000
    ) as lent
)
insert into public.tracks (artist_did, album_id, title, file_id, file_type)
select artist.did, numbered.id, copied.title, repeat('f', 64), 'mp3'
from artist, copied
join numbered on numbered.place = 1 + copied.place % numbered.albums

-- benchmark_triggers: The triggers of a table, without those of foreign keys.
select g.tgname
from pg_trigger g
where g.tgrelid = format('public.%I', cast(:table as text))::regclass and not g.tgisinternal
order by g.tgname
