create or replace function search_internal.match_held(named search_internal.signal[], finders text[], max_tracks integer)
returns search_internal.signal[]
language plpgsql stable parallel safe
set search_path = pg_catalog, search, pg_temp
as $$
begin
    return array(
        select search_internal.make_signal(
                   'track', track.id::text, e.kind, e.held_tier, held => true, class => e.class,
                   quality => e.quality, popularity => ln(1 + track.play_count))
        from (
            select best.*, search_internal.held_tier(best.kind, best.tier) as held_tier
            from (
                select distinct on (n.kind, n.key) n.* from unnest(named) as n where n.kind in ('artist', 'album', 'tag')
                order by n.kind, n.key, n.tier, n.class, n.quality desc
            ) as best
            order by best.tier, best.class, best.popularity desc, best.kind, best.key limit 5
        ) as e
        cross join lateral (
            (select t.id, t.play_count from public.tracks t
             where e.kind = 'artist' and t.artist_did = e.key
               and search_internal.found_by(t.visibility, t.artist_did, finders)
             order by t.play_count desc, t.id limit max_tracks)
            union all
            (select t.id, t.play_count from public.tracks t
             where e.kind = 'album' and t.album_id = case when e.kind = 'album' then e.key::search.album_id end
               and search_internal.found_by(t.visibility, t.artist_did, finders)
             order by t.play_count desc, t.id limit max_tracks)
            union all
            (select d.key::bigint, (exp(d.popularity) - 1)::bigint
             from search_internal.highest_levels(case when e.kind = 'tag' then array['track'] end) as highest
             cross join lateral search_internal.words_by_level(
                 highest.kind, highest.level, search_internal.in_context(search_internal.word_term('#' || e.key)), null, null, null,
                 finders => '{}', enough => max_tracks) as d
             limit max_tracks)
        ) as track
        order by e.held_tier, e.class, track.play_count desc, track.id limit max_tracks);
end;
$$;
comment on function search_internal.match_held(search_internal.signal[], text[], integer) is
    'The tracks of the five best artists, albums and tags among what is called so, the most played first.';

create or replace function search_internal.match_sounds(
    query_embedding public.halfvec, finders text[], max_tracks integer, audibility double precision, min_confidence double precision,
    candidates bigint[]
)
returns search_internal.signal[]
language plpgsql stable parallel safe
set search_path = pg_catalog, search, pg_temp
as $$
declare
    scale constant record := search_internal.sound_scale(query_embedding, audibility);
begin
    return array(
        select search_internal.make_signal(
                   'track', n.track_id::text, 'sound', 'sound', quality => n.similarity,
                   similarity => n.similarity, confidence => n.confidence)
        from (
            select near.track_id, near.similarity,
                   search_internal.confidence(near.similarity, scale.mean, scale.deviation, scale.slope, scale.intercept, scale.audible)
                       as confidence
            from search.nearest_tracks(query_embedding, finders[1], max_tracks, candidates) as near
        ) as n
        -- an unknown confidence hides nothing where sound alone was asked for
        where n.confidence >= min_confidence or n.confidence is null);
end;
$$;
comment on function search_internal.match_sounds(public.halfvec, text[], integer, double precision, double precision, bigint[]) is
    'Tracks that sound like the query''s vector, as far as that can be trusted; of the candidates, where a mirror has named some.';

create or replace function search_internal.signals(
    q text,
    query_embedding public.halfvec,
    finders text[],
    types text[],
    max_per_type integer,
    audibility double precision,
    min_confidence double precision,
    candidates bigint[] default null
)
returns setof search_internal.signal
language plpgsql stable parallel safe rows 150
set search_path = pg_catalog, search, pg_temp
set plan_cache_mode = force_generic_plan
set jit = off
as $$
declare
    -- an artist has two names, each a document
    enough constant integer := case when 'artist' = any (types) then 2 else 1 end * max_per_type;
    needle constant text := nullif(search.normalize_text(q), '');
    typed constant text[] := coalesce(search_internal.typed_words(needle), '{}');
    named search_internal.signal[] := '{}';
    lacking text[];
    own text[];
    forms record;
begin
    if needle is not null then
        named := search_internal.match_names(needle, types, finders, enough);
        lacking := search_internal.lacking(types, named, enough);
        if cardinality(lacking) > 0 then
            own := case when cardinality(finders) = 0 then '{}' else search_internal.own_words(finders) end;
            forms := search_internal.word_forms(typed, own);
            if forms.known and forms.rare then
                named := named || search_internal.match_rare_words(
                    forms.forms, forms.patterns, needle, typed[cardinality(typed)], lacking, finders, enough);
            elsif forms.known then
                named := named || search_internal.match_common_words(
                    forms.forms, forms.in_context, needle, typed[cardinality(typed)], lacking, finders, enough);
            end if;
            -- what is inside a word or misspelt is looked for only where names give little
            if cardinality(named) < 5 then
                named := named || array(
                    select distinct on (n.kind, n.key, n.field) n
                    from unnest(search_internal.match_roughly(typed, own, forms.known, needle, types, finders, enough)) as n
                    where not exists (
                        select from unnest(named) as k where (k.kind, k.key, k.field) = (n.kind, n.key, n.field))
                    order by n.kind, n.key, n.field, n.tier, n.class);
            end if;
        end if;
        if 'track' = any (types) and search_internal.has_room(named, max_per_type) then
            named := named || search_internal.match_held(named, finders, max_per_type);
        end if;
        return query select * from unnest(named);
    end if;
    -- before calibration any text is near to something: beside names only what can be trusted is listed
    if query_embedding is not null and 'track' = any (types) and (needle is null or search_internal.is_calibrated()) then
        return query
        select s.* from unnest(search_internal.match_sounds(
            query_embedding, finders, 2 * max_per_type, audibility, min_confidence, candidates)) as s
        where needle is null or s.confidence is not null;
    end if;
end;
$$;
comment on function search_internal.signals(text, public.halfvec, text[], text[], integer, double precision, double precision, bigint[]) is
    'Every reason to list anything for q: what search.unified puts in order and search.explain shows. Beside names, sounds '
    'count only when the serving model is calibrated.';

create or replace function search_internal.lacking(types text[], named search_internal.signal[], enough integer) returns text[]
language sql immutable strict parallel safe
return array(
    select wanted from unnest(types) as wanted
    where (select count(*) from unnest(named) as n where n.kind = wanted) < enough);
comment on function search_internal.lacking(text[], search_internal.signal[], integer) is 'The types of which not enough was found yet.';

create or replace function search_internal.held_tier(kind text, tier search.tier) returns search.tier
language sql immutable strict parallel safe
-- the whole name of an artist or an album says that it is meant; a tag or a begun name says less than a title with the word
return case when tier = 'exact' and kind in ('artist', 'album') then tier else greatest(tier, 'word_prefix'::search.tier) end;
comment on function search_internal.held_tier(text, search.tier) is
    'Tier of the tracks of an artist, album or tag that matched in a tier: names that have the typed words come before them, '
    'unless an artist or an album is called exactly so.';

create or replace function search_internal.has_room(named search_internal.signal[], max_tracks integer) returns boolean
language sql immutable strict parallel safe
return (
    select count(*) filter (where n.kind = 'track' and n.tier <= holder.best) < max_tracks and min(holder.best) is not null
    from unnest(named) as n
    cross join (
        select min(search_internal.held_tier(h.kind, h.tier)) from unnest(named) as h where h.kind in ('artist', 'album', 'tag')
    ) as holder (best)
);
comment on function search_internal.has_room(search_internal.signal[], integer) is
    'Whether something was found that holds tracks, and a page of tracks still has room for them.';
