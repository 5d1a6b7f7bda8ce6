create or replace function search.unified(
    q text,
    query_embedding halfvec default null,
    viewer text default null,
    types text[] default null,
    max_per_type integer default 20
)
returns table (
    type text,
    label text,
    artist text,
    tier text,
    matched text[],
    relevance real,
    similarity real,
    key text,
    details jsonb
)
language plpgsql stable parallel safe
set search_path = pg_catalog, public, search
set pg_trgm.word_similarity_threshold = 0.5
as $$
declare
    kinds constant text[] := coalesce(types, array['track', 'artist', 'album', 'tag', 'playlist']);
    needle constant text := nullif(search.normalize_text(q), '');
    -- the first string, in "C" order, after all that begin with the needle
    needle_end constant text := needle || chr(1114111);
    escaped constant text := replace(replace(replace(needle, '\', '\\'), '%', '\%'), '_', '\_');
    -- without a trigram a pattern would read the whole index
    has_trigrams constant boolean := coalesce(cardinality(show_trgm(needle)) > 0, false);
    inner_trigrams constant boolean := has_trigrams and char_length(needle) >= 3;
    candidates constant integer := 10 * max_per_type;
begin
    return query
    with named as materialized (
        (select d.kind, d.key, d.field, d.normalized, d.popularity, 1 as tier, 1.0::real as quality
         from search.documents d
         where d.normalized = needle and (d.listed or d.owner = viewer)
         order by d.popularity desc, d.key limit candidates)
        union all
        (select d.kind, d.key, d.field, d.normalized, d.popularity, 2, similarity(needle, d.normalized)
         from search.documents d
         where d.normalized > needle and d.normalized < needle_end and (d.listed or d.owner = viewer)
         order by d.popularity desc, d.key limit candidates)
        union all
        (select d.kind, d.key, d.field, d.normalized, d.popularity, 3, similarity(needle, d.normalized)
         from search.documents d
         where has_trigrams and d.normalized like '% ' || escaped || '%' and (d.listed or d.owner = viewer)
         order by d.popularity desc, d.key limit candidates)
        union all
        (select d.kind, d.key, d.field, d.normalized, d.popularity, 4, similarity(needle, d.normalized)
         from search.documents d
         where inner_trigrams and d.normalized like '%' || escaped || '%' and (d.listed or d.owner = viewer)
         order by d.popularity desc, d.key limit candidates)
        union all
        (select d.kind, d.key, d.field, d.normalized, d.popularity, 5, word_similarity(needle, d.normalized)
         from search.documents d
         where inner_trigrams and needle <% d.normalized and (d.listed or d.owner = viewer)
         order by word_similarity(needle, d.normalized) desc, d.popularity desc, d.key limit candidates)
    ),
    -- one row an entity, in its best tier
    entities as (
        select distinct on (n.kind, n.key) n.kind, n.key, n.field, n.tier, n.quality, n.popularity
        from named n
        order by n.kind, n.key, n.tier, n.quality desc, n.field
    ),
    -- the tracks of what was found, ranked right under it
    held as (
        select track.id, e.kind as field, e.tier, e.quality
        from entities e
        cross join lateral (
            (select t.id from public.tracks t
             where e.kind = 'artist' and t.artist_did = e.key
               and (search.is_listed(t.visibility) or search.private_owner(t.visibility, t.artist_did) = viewer)
             order by t.play_count desc, t.id limit max_per_type)
            union all
            (select t.id from public.tracks t
             where e.kind = 'album' and t.album_id = case when e.kind = 'album' then e.key::bigint end
               and (search.is_listed(t.visibility) or search.private_owner(t.visibility, t.artist_did) = viewer)
             order by t.play_count desc, t.id limit max_per_type)
            union all
            (select t.id
             from public.track_tags tt
             join public.tracks t on t.id = tt.track_id
             where e.kind = 'tag' and tt.tag_id = case when e.kind = 'tag' then e.key::bigint end
               and search.is_listed(t.visibility)
             order by t.play_count desc, t.id limit max_per_type)
        ) as track
        where 'track' = any (kinds) and e.kind in ('artist', 'album', 'tag')
    ),
    heard as (
        select n.track_id, n.similarity
        from search.nearest_tracks(query_embedding, viewer, 2 * max_per_type) n
        where 'track' = any (kinds)
    ),
    signals as (
        select e.kind, e.key, e.field, e.tier, 0 as via, e.quality, null::real as similarity from entities e
        union all
        select 'track', h.id::text, h.field, h.tier, 1, h.quality, null from held h
        union all
        select 'track', h.track_id::text, 'sound', 6, 0, h.similarity, h.similarity from heard h
    ),
    -- dedup: each entity once, in its best place, saying everything that matched
    fused as (
        select s.kind, s.key,
               min(s.tier * 2 + s.via) as place,
               (array_agg(s.quality order by s.tier, s.via, s.quality desc))[1] as quality,
               array_agg(distinct s.field) as fields,
               max(s.similarity) as similarity
        from signals s
        where s.kind = any (kinds)
        group by s.kind, s.key
    ),
    weighed as (
        select f.*, coalesce(d.popularity, 0) as popularity
        from fused f
        cross join lateral (
            select max(d.popularity) as popularity from search.documents d where d.kind = f.kind and d.key = f.key
        ) d
    ),
    ranked as (
        select w.*, row_number() over (
            partition by w.kind order by w.place, w.quality desc, w.popularity desc, length(w.key), w.key
        ) as position
        from weighed w
    ),
    page as materialized (
        select * from ranked r where r.position <= max_per_type
    )
    select p.kind, h.label, h.artist,
           (array['exact', 'prefix', 'word_prefix', 'substring', 'fuzzy', 'sound'])[p.place / 2],
           p.fields, p.quality, p.similarity, p.key, h.details
    from page p
    cross join lateral search.hydrate(p.kind, p.key, viewer) h
    order by p.place, p.quality desc, p.popularity desc, array_position(kinds, p.kind), length(p.key), p.key;
end;
$$;
comment on function search.unified(text, halfvec, text, text[], integer) is
    'Everything that a viewer may find for q, by name and, with query_embedding, by sound: each entity once, in its best tier.';
