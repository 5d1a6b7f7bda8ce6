create or replace function search.near_duplicate_similarity() returns real
language sql stable parallel safe
set search_path = pg_catalog, search, pg_temp
as $$
    select case m.name when 'musicnn-tags' then 0.97 else 0.995 end::real from search.models m where m.serving;
$$;
comment on function search.near_duplicate_similarity() is
    'Cosine similarity in the serving model from which two vectors count as one recording. musicnn-tags: the 28 sample tracks, '
    'encoded again as MP3 (64 and 128 kbit/s) and AAC (96), or at a quarter of the volume, reach it in 109 of 112 cases; two '
    'different ones are at 0.93 at most. Otherwise CLAP''s: two rips of one track score 0.9972 and more.
Example: select search.near_duplicate_similarity()';

create or replace function search.tracks_by_vector(
    query_embedding public.halfvec, viewer text default null, k integer default 10, candidates bigint[] default null
)
returns table (id bigint, title text, artist text, similarity real, near_duplicate boolean, details jsonb)
language sql stable parallel safe
set search_path = pg_catalog, search, pg_temp
as $$
    select t.id, t.title, a.display_name, n.similarity, n.similarity >= (select search.near_duplicate_similarity()),
           jsonb_build_object(
               'id', t.id, 'title', t.title, 'artist_handle', a.handle, 'artist_display_name', a.display_name,
               'image_url', t.image_url, 'file_id', t.file_id, 'album_title', b.title)
    from search.nearest_tracks(query_embedding, viewer, k, candidates) n
    join public.tracks t on t.id = n.track_id
    join public.artists a on a.did = t.artist_did
    left join public.albums b on b.id = t.album_id
    -- the candidates were chosen by visibility already; this holds should one have changed meanwhile
    where search.visible_to(t.visibility, t.artist_did, viewer)
    order by n.similarity desc, t.id;
$$;
comment on function search.tracks_by_vector(public.halfvec, text, integer, bigint[]) is
    'The k tracks that the viewer may find nearest to a vector of the serving model, with what they are called, the nearest first.
Example: select t.title, t.similarity from search.track_embeddings e, search.tracks_by_vector(e.embedding) t where e.track_id = 1';

create or replace function search.similar_tracks(
    track_id bigint, viewer text default null, k integer default 10, candidates bigint[] default null
)
returns table (id bigint, title text, artist text, similarity real, near_duplicate boolean, details jsonb)
language sql stable parallel safe
set search_path = pg_catalog, search, pg_temp
as $$
    select s.id, s.title, s.artist, s.similarity, s.near_duplicate or s.details ->> 'file_id' = source.file_id, s.details
    from (
        select t.file_id, e.embedding
        from public.tracks t
        join search.embeddings e on e.track_id = t.id
        join search.models m on m.id = e.model_id and m.serving
        where t.id = similar_tracks.track_id
          and search.visible_to(t.visibility, t.artist_did, viewer)
    ) as source
    cross join lateral search.tracks_by_vector(source.embedding, viewer, k + 1, candidates) as s
    where s.id <> similar_tracks.track_id
    order by s.similarity desc, s.id
    limit k;
$$;
comment on function search.similar_tracks(bigint, text, integer, bigint[]) is
    'The k tracks that sound most like a track, the nearest first, never itself; nothing when the viewer may not find it or '
    'it has no vector yet. near_duplicate: the same recording, by its file or by its sound.
Example: select title, artist, similarity from search.similar_tracks(1)';
