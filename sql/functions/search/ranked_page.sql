create or replace function search_internal.ranked_page(
    q text,
    query_embedding public.halfvec,
    finders text[],
    types text[],
    max_per_type integer,
    audibility double precision,
    min_confidence double precision,
    candidates bigint[] default null
)
returns table (
    "position" bigint,
    kind text,
    key text,
    tier search.tier,
    held boolean,
    class integer,
    fields text[],
    quality real,
    popularity real,
    similarity real,
    confidence real
)
language plpgsql stable parallel safe rows 100
set search_path = pg_catalog, search, pg_temp
set plan_cache_mode = force_generic_plan
set jit = off
as $$
declare
    typed constant text[] := coalesce(search_internal.typed_words(search.normalize_text(q)), '{}');
begin
    return query
    -- each entity once, by its best signal, saying everything that matched
    with fused as (
        select s.kind, s.key, (array_agg(s order by s.tier, s.held, s.class, s.quality desc))[1] as best,
               array_agg(distinct s.field) as fields,
               max(s.popularity) as popularity, max(s.similarity) as similarity, max(s.confidence) as confidence
        from search_internal.signals(q, query_embedding, finders, types, max_per_type, audibility, min_confidence, candidates) as s
        group by s.kind, s.key
    ),
    ordered as (
        select f.kind, f.key, (f.best).tier, (f.best).held, (f.best).class, (f.best).quality,
               f.fields, f.popularity, f.similarity, f.confidence,
               case when (f.best).tier = 'sound' then -f.similarity end as distance, length(f.key) as key_length
        from fused f
    ),
    chosen as (
        select o.*, row_number() over (
                   partition by o.kind
                   order by o.tier, o.held, o.class, o.distance, o.popularity desc, o.key_length, o.key) as of_kind
        from ordered o
    )
    select row_number() over (
               order by c.tier, c.held, c.class, c.distance, c.popularity desc,
                        array_position(types, c.kind), c.key_length, c.key),
           c.kind, c.key, c.tier, c.held, c.class,
           case when c.tier = 'word_prefix' and not c.held and c.class = search_internal.context_word()
                then c.fields || search_internal.named_by(c.kind, c.key, typed) else c.fields end,
           c.quality, c.popularity, c.similarity, c.confidence
    from chosen c
    where c.of_kind <= max_per_type;
end;
$$;
comment on function search_internal.ranked_page(text, public.halfvec, text[], text[], integer, double precision, double precision, bigint[]) is
    'The order of a page: each entity once, the best max_per_type of each type.';

create or replace function search_internal.named_by(kind text, key text, typed text[]) returns text[]
language plpgsql stable strict parallel safe
set search_path = pg_catalog, search, pg_temp
as $$
begin
    if kind = 'album' then
        return array['artist'];
    elsif kind = 'playlist' then
        return array['owner'];
    end if;
    return (
        select array_remove(array[
            case when search_internal.begins_a_word(typed, concat_ws(' ', a.display_name, a.handle)) then 'artist' end,
            case when search_internal.begins_a_word(typed, b.title) then 'album' end,
            case when search_internal.begins_a_word(typed, (
                select string_agg(g.name, ' ') from public.track_tags tt join public.tags g on g.id = tt.tag_id
                where tt.track_id = t.id)) then 'tag' end
        ], null)
        from public.tracks t
        join public.artists a on a.did = t.artist_did
        left join public.albums b on b.id = t.album_id
        where t.id = named_by.key::bigint);
end;
$$;
comment on function search_internal.named_by(text, text, text[]) is
    'Which names of what an entity belongs to begin with one of the typed words.';
