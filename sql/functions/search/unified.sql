-- One search, and what it calls. Each part is called only when it is needed.
--
--   unified                       the page, with labels and details
--     ranked_page                 each entity once, by its best signal, in order
--       signals                   every reason to list anything
--         match_names             names that are, or begin with, the text
--         word_forms              how each typed word is looked up: is one of them rare?
--         match_rare_words        names that have all the words, at once
--         match_common_words      or level by level
--         match_roughly           where that is little: parts of words, and typos
--           likely_forms          the words that may have been meant
--           match_any_level
--         match_held              tracks of the artists, albums and tags that were found
--         match_sounds            tracks whose vectors are near
--           nearest_tracks
--       named_by                  which names of what an entity belongs to were typed as well
--
-- search.explain puts the rows of signals beside those of ranked_page.

create or replace function search.unified(
    q text,
    query_embedding public.halfvec default null,
    viewer text default null,
    types text[] default null,
    max_per_type integer default 20,
    audibility double precision default null,
    min_confidence double precision default 0.2,
    candidates bigint[] default null
)
returns table (
    type text,
    label text,
    artist text,
    tier text,
    matched text[],
    relevance real,
    similarity real,
    confidence real,
    key text,
    details jsonb
)
language plpgsql stable parallel safe
set search_path = pg_catalog, search, pg_temp
set plan_cache_mode = force_generic_plan
set jit = off
as $$
declare
    kinds constant text[] := coalesce(types, array['track', 'artist', 'album', 'tag', 'playlist']);
    finders constant text[] := search_internal.finders(viewer);
begin
    return query
    with page as materialized (
        select r.*
        from search_internal.ranked_page(
            q, query_embedding, finders, kinds, max_per_type, audibility, min_confidence, candidates) as r
    )
    select hit.kind, hit.label, hit.artist, hit.tier::text, hit.fields, hit.quality, hit.similarity, hit.confidence, hit.key, hit.details
    from (
        select p.*, t.title::text as label, a.display_name::text as artist, jsonb_build_object(
                   'id', t.id, 'title', t.title, 'artist_handle', a.handle, 'artist_display_name', a.display_name,
                   'image_url', t.image_url, 'file_id', t.file_id, 'album_title', b.title) as details
        from page p
        join public.tracks t on t.id = p.key::bigint
        join public.artists a on a.did = t.artist_did
        left join public.albums b on b.id = t.album_id
        where p.kind = 'track'
          -- the candidates were chosen by visibility already; this holds should one have changed meanwhile
          and search_internal.found_by(t.visibility, t.artist_did, finders)
        union all
        select p.*, a.display_name::text, a.handle::text, jsonb_build_object(
                   'did', a.did, 'handle', a.handle, 'display_name', a.display_name, 'avatar_url', a.avatar_url)
        from page p
        join public.artists a on a.did = p.key
        where p.kind = 'artist'
        union all
        select p.*, b.title::text, a.display_name::text, jsonb_build_object(
                   'id', b.id, 'title', b.title, 'slug', b.slug, 'artist_handle', a.handle,
                   'artist_display_name', a.display_name, 'image_url', b.image_url)
        from page p
        join public.albums b on b.id = p.key::search.album_id
        join public.artists a on a.did = b.artist_did
        where p.kind = 'album'
        union all
        select p.*, g.name::text, null, jsonb_build_object(
                   'id', g.id, 'name', g.name, 'track_count', d.track_count + coalesce((
                       select sum(c.change) from search.track_count_changes c where c.kind = 'tag' and c.key = p.key), 0))
        from page p
        join public.tags g on g.id = p.key::bigint
        join search.documents d on d.kind = 'tag' and d.key = p.key and d.field = 'name'
        where p.kind = 'tag'
        union all
        select p.*, l.name::text, a.display_name::text, jsonb_build_object(
                   'id', l.id, 'name', l.name, 'owner_handle', a.handle, 'owner_display_name', a.display_name,
                   'image_url', l.image_url, 'track_count', d.track_count + coalesce((
                       select sum(c.change) from search.track_count_changes c where c.kind = 'playlist' and c.key = p.key), 0))
        from page p
        join public.playlists l on l.id = p.key::search.playlist_id
        join search.documents d on d.kind = 'playlist' and d.key = p.key and d.field = 'name'
        join public.artists a on a.did = l.owner_did
        where p.kind = 'playlist' and search_internal.found_by(l.visibility, l.owner_did, finders)
    ) as hit
    order by hit.position;
end;
$$;
comment on function search.unified(text, public.halfvec, text, text[], integer, double precision, double precision, bigint[]) is
    'Everything that a viewer may find for q, by name and, with query_embedding, by sound: each entity once, in its best tier. '
    'Before the serving model is calibrated, a q finds names alone; query_embedding without a q finds sounds, with a confidence of null.
Example: select type, label, tier from search.unified(''rain'')';
