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
set plan_cache_mode = force_generic_plan
set jit = off
as $$
declare
    kinds constant text[] := coalesce(types, array['track', 'artist', 'album', 'tag', 'playlist']);
    needle constant text := nullif(search.normalize_text(q), '');
    -- the first strings, in "C" order, after all that begin with the needle, and with the needle as a whole word
    needle_end constant text := needle || chr(1114111);
    word_end constant text := needle || '!';
    typed constant text[] := coalesce(array_remove(string_to_array(needle, ' '), ''), '{}');
    typed_forms constant record := search.word_forms(typed);
    known constant boolean := coalesce(typed_forms.known, false);
    all_query constant text := search.all_terms(typed_forms.forms, false);
    context_query constant text := case when cardinality(typed) > 1 then search.all_terms(typed_forms.forms, true) end;
    any_query constant text := nullif(array_to_string(typed_forms.forms, ' | '), '');
    last_pattern constant text := typed_forms.pattern;
    whole_pattern constant text := '% ' || replace(replace(replace(typed[cardinality(typed)], '\', '\\'), '%', '\%'), '_', '\_') || ' %';
    inner_pattern constant text := case when cardinality(typed) = 1 and char_length(needle) >= 3
        then '%' || replace(replace(replace(needle, '\', '\\'), '%', '\%'), '_', '\_') || '%' end;
begin
    return query
    with wanted (kind, enough) as (
        -- an artist has two names, each a document
        select kind, case when kind = 'artist' then 2 else 1 end * max_per_type from unnest(kinds) as kind
    ),
    named as materialized (
        -- The branches of a kind are read one after the other, each from the most popular level downwards, until there
        -- is enough: a common word costs no more than a rare one.
        select best.*
        from wanted
        cross join lateral (
            select candidate.*
            from (
                (select d.*
                 from generate_series(6, 0, -1) as step (level)
                 cross join lateral (
                     select d.kind, d.key, d.field, d.popularity, 1 as tier, 0 as class, 1.0::real as quality
                     from search.documents d
                     where d.kind = wanted.kind and d.level = step.level and d.normalized = needle
                       and (d.listed or d.owner = viewer)
                     order by d.popularity desc, d.key limit wanted.enough) as d)
                union all
                (select d.*
                 from generate_series(6, 0, -1) as step (level)
                 cross join lateral (
                     select d.kind, d.key, d.field, d.popularity, 2, 0, char_length(needle)::real / char_length(d.normalized)
                     from search.documents d
                     where d.kind = wanted.kind and d.level = step.level
                       and d.normalized > needle and d.normalized < word_end and (d.listed or d.owner = viewer)
                     order by d.popularity desc, d.key limit wanted.enough) as d)
                union all
                (select d.*
                 from generate_series(6, 0, -1) as step (level)
                 cross join lateral (
                     select d.kind, d.key, d.field, d.popularity, 2, 1, char_length(needle)::real / char_length(d.normalized)
                     from search.documents d
                     where d.kind = wanted.kind and d.level = step.level
                       and d.normalized >= word_end and d.normalized < needle_end and (d.listed or d.owner = viewer)
                     order by d.popularity desc, d.key limit wanted.enough) as d)
                union all
                (select d.*
                 from generate_series(6, 0, -1) as step (level)
                 -- offset 0: else the queries would be built for every row
                 cross join lateral (
                     select search.at_level(all_query, wanted.kind, step.level) as all_words offset 0) as query
                 cross join lateral (
                     select d.kind, d.key, d.field, d.popularity, 3,
                            case when ' ' || d.normalized || ' ' like whole_pattern then 0 else 1 end,
                            char_length(needle)::real / char_length(d.normalized)
                     from search.documents d
                     where known and d.tokens @@ query.all_words
                       and (last_pattern is null or ' ' || d.normalized like last_pattern)
                       and not (d.normalized >= needle and d.normalized < needle_end) and (d.listed or d.owner = viewer)
                     order by d.popularity desc, d.key limit wanted.enough) as d)
                union all
                (select d.*
                 from generate_series(6, 0, -1) as step (level)
                 cross join lateral (
                     select search.at_level(context_query, wanted.kind, step.level) as all_words,
                            search.at_level(all_query, wanted.kind, step.level) as in_name,
                            search.at_level(any_query, wanted.kind, step.level) as some_in_name offset 0) as query
                 cross join lateral (
                     select d.kind, d.key, d.field, d.popularity, 3, 2, similarity(needle, d.normalized)
                     from search.documents d
                     where known and context_query is not null
                       and d.tokens @@ query.all_words
                       -- not for the index, which would collect every document of the commonest word
                       and case when d.tokens @@ query.some_in_name then true end
                       and not (d.tokens @@ query.in_name
                                and (last_pattern is null or ' ' || d.normalized like last_pattern))
                       and (last_pattern is null or ' ' || d.normalized || ' ' || d.context like last_pattern)
                       and (d.listed or d.owner = viewer)
                     order by d.popularity desc, d.key limit wanted.enough) as d)
            ) as candidate
            limit wanted.enough
        ) as best
    ),
    -- what is inside a word or misspelt is looked for only where names give little: among words, then in the index
    lenient as materialized (
        select search.word_terms(array(
                   select w.word from search.words w
                   where inner_pattern is not null and w.word like inner_pattern
                   order by char_length(w.word), w.word limit 50)) as inner_query,
               search.all_terms(likely.forms, cardinality(typed) > 1) as all_words, likely.names as any_word
        from search.likely_forms(typed) as likely
        where (select count(*) from named) < 5 and needle is not null
    ),
    roughly_named as materialized (
        select best.*
        from lenient
        cross join wanted
        cross join lateral (
            select candidate.*
            from (
                (select d.*
                 from generate_series(6, 0, -1) as step (level)
                 cross join lateral (
                     select d.kind, d.key, d.field, d.popularity, 4 as tier, 0 as class, similarity(needle, d.normalized) as quality
                     from search.documents d
                     where d.tokens @@ search.at_level(lenient.inner_query, wanted.kind, step.level)
                       and (d.listed or d.owner = viewer)
                     order by d.popularity desc, d.key limit wanted.enough) as d)
                union all
                (select d.*
                 from generate_series(6, 0, -1) as step (level)
                 cross join lateral (
                     select search.at_level(lenient.all_words, wanted.kind, step.level) as all_words,
                            search.at_level(lenient.any_word, wanted.kind, step.level) as some_in_name offset 0) as query
                 cross join lateral (
                     select d.kind, d.key, d.field, d.popularity, 5, (10 * (1 - similarity(needle, d.normalized)))::integer,
                            similarity(needle, d.normalized)
                     from search.documents d
                     where d.tokens @@ query.all_words
                       and case when cardinality(typed) = 1 or d.tokens @@ query.some_in_name then true end
                       and (d.listed or d.owner = viewer)
                     order by d.popularity desc, d.key limit wanted.enough) as d)
            ) as candidate
            limit wanted.enough
        ) as best
    ),
    -- one row an entity, in its best tier
    entities as (
        select distinct on (n.kind, n.key) n.kind, n.key, n.field, n.tier, n.class, n.quality, n.popularity
        from (select * from named union all select * from roughly_named) as n
        order by n.kind, n.key, n.tier, n.class, n.quality desc, n.field
    ),
    -- the tracks of what was found, ranked right under it
    held as (
        select track.id, e.kind as field, e.tier, e.class, e.quality, ln(1 + track.play_count)::real as popularity
        from (
            select * from entities e where e.kind in ('artist', 'album', 'tag')
            order by e.tier, e.class, e.popularity desc, e.key limit 5
        ) as e
        cross join lateral (
            (select t.id, t.play_count from public.tracks t
             where e.kind = 'artist' and t.artist_did = e.key
               and (search.is_listed(t.visibility) or search.private_owner(t.visibility, t.artist_did) = viewer)
             order by t.play_count desc, t.id limit max_per_type)
            union all
            (select t.id, t.play_count from public.tracks t
             where e.kind = 'album' and t.album_id = case when e.kind = 'album' then e.key::bigint end
               and (search.is_listed(t.visibility) or search.private_owner(t.visibility, t.artist_did) = viewer)
             order by t.play_count desc, t.id limit max_per_type)
            union all
            (select t.id, t.play_count
             from generate_series(6, 0, -1) as step (level)
             cross join lateral (
                 select d.key::bigint as id, (exp(d.popularity) - 1)::bigint as play_count
                 from search.documents d
                 where e.kind = 'tag' and d.kind = 'track' and d.listed
                   and d.tokens @@ search.at_level(search.in_context(search.word_term('#' || e.key)), 'track', step.level)
                 order by d.popularity desc, d.key limit max_per_type
             ) as t
             limit max_per_type)
        ) as track
        where 'track' = any (kinds)
        order by e.tier, e.class, track.play_count desc, track.id limit max_per_type
    ),
    heard as (
        select n.track_id, n.similarity
        from search.nearest_tracks(query_embedding, viewer, 2 * max_per_type) n
        where 'track' = any (kinds)
    ),
    signals as (
        select e.kind, e.key, e.field, 2 * e.tier as place, e.class, e.quality, e.popularity, null::real as similarity
        from entities e
        union all
        select 'track', h.id::text, h.field, 2 * h.tier + 1, h.class, h.quality, h.popularity, null from held h
        union all
        select 'track', h.track_id::text, 'sound', 12, 0, h.similarity, 0, h.similarity from heard h
    ),
    -- dedup: each entity once, in its best place, saying everything that matched
    fused as (
        select s.kind, s.key,
               min(s.place) as place, min(100 * s.place + s.class) as rank,
               (array_agg(s.quality order by s.place, s.class, s.quality desc))[1] as quality,
               array_agg(distinct s.field) as fields, max(s.popularity) as popularity, max(s.similarity) as similarity
        from signals s
        group by s.kind, s.key
    ),
    page as materialized (
        select ranked.*
        from (
            select f.*, case when f.place = 12 then -f.similarity end as distance,
                   row_number() over (
                       partition by f.kind
                       order by f.rank, case when f.place = 12 then -f.similarity end, f.popularity desc, length(f.key), f.key
                   ) as position
            from fused f
        ) as ranked
        where ranked.position <= max_per_type
    )
    select p.kind, h.label, h.artist,
           (array['exact', 'prefix', 'word_prefix', 'substring', 'fuzzy', 'sound'])[p.place / 2],
           -- found by words of what it belongs to beside its own: said of the rows of the page only
           case when p.rank = 602 then p.fields || h.also else p.fields end, p.quality::real, p.similarity, p.key, h.details
    from page p
    cross join lateral (
        select t.title, a.display_name, jsonb_build_object(
            'id', t.id, 'title', t.title, 'artist_handle', a.handle, 'artist_display_name', a.display_name,
            'image_url', t.image_url, 'file_id', t.file_id, 'album_title', b.title),
            case when p.rank = 602 then array_remove(array[
                case when search.begins_a_word(typed, concat_ws(' ', a.display_name, a.handle)) then 'artist' end,
                case when search.begins_a_word(typed, b.title) then 'album' end,
                case when search.begins_a_word(typed, (
                    select string_agg(g.name, ' ') from public.track_tags tt join public.tags g on g.id = tt.tag_id
                    where tt.track_id = t.id)) then 'tag' end
            ], null) end
        from public.tracks t
        join public.artists a on a.did = t.artist_did
        left join public.albums b on b.id = t.album_id
        where p.kind = 'track' and t.id = case when p.kind = 'track' then p.key::bigint end
          -- the candidates were chosen by visibility already; this holds should one have changed meanwhile
          and (search.is_listed(t.visibility) or search.private_owner(t.visibility, t.artist_did) = viewer)
        union all
        select a.display_name, a.handle, jsonb_build_object(
            'did', a.did, 'handle', a.handle, 'display_name', a.display_name, 'avatar_url', a.avatar_url), null
        from public.artists a
        where p.kind = 'artist' and a.did = p.key
        union all
        select b.title, a.display_name, jsonb_build_object(
            'id', b.id, 'title', b.title, 'slug', b.slug, 'artist_handle', a.handle,
            'artist_display_name', a.display_name, 'image_url', b.image_url), array['artist']
        from public.albums b
        join public.artists a on a.did = b.artist_did
        where p.kind = 'album' and b.id = case when p.kind = 'album' then p.key::bigint end
        union all
        select g.name, null, jsonb_build_object('id', g.id, 'name', g.name, 'track_count', d.track_count), null
        from public.tags g
        join search.documents d on d.kind = 'tag' and d.key = p.key and d.field = 'name'
        where p.kind = 'tag' and g.id = case when p.kind = 'tag' then p.key::bigint end
        union all
        select l.name, a.display_name, jsonb_build_object(
            'id', l.id, 'name', l.name, 'owner_handle', a.handle, 'owner_display_name', a.display_name,
            'image_url', l.image_url, 'track_count', d.track_count), array['owner']
        from public.playlists l
        join public.artists a on a.did = l.owner_did
        join search.documents d on d.kind = 'playlist' and d.key = p.key and d.field = 'name'
        where p.kind = 'playlist' and l.id = case when p.kind = 'playlist' then p.key::bigint end
    ) as h (label, artist, details, also)
    order by p.rank, p.distance, p.popularity desc, array_position(kinds, p.kind), length(p.key), p.key;
end;
$$;
comment on function search.unified(text, halfvec, text, text[], integer) is
    'Everything that a viewer may find for q, by name and, with query_embedding, by sound: each entity once, in its best tier.';
