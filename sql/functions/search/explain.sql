create or replace function search.explain(
    q text,
    query_embedding public.halfvec default null,
    viewer text default null,
    types text[] default null,
    max_per_type integer default 20,
    audibility double precision default null,
    min_confidence double precision default 0.2
)
returns table (
    rank bigint,
    type text,
    key text,
    label text,
    tier text,
    signal text,
    signal_tier text,
    signal_class integer,
    signal_rank bigint,
    value real,
    confidence real,
    popularity real
)
language plpgsql stable parallel safe
set search_path = pg_catalog, search, pg_temp
as $$
declare
    kinds constant text[] := coalesce(types, array['track', 'artist', 'album', 'tag', 'playlist']);
    finders constant text[] := search_internal.finders(viewer);
begin
    return query
    select p.position, p.kind, p.key,
           (select d.label from search.documents d where d.kind = p.kind and d.key = p.key and d.field <> 'handle'),
           p.tier::text, s.field, s.tier || case when s.held then ', held by it' else '' end,
           s.class, s.ranked, s.quality, s.confidence, s.popularity
    from search_internal.ranked_page(q, query_embedding, finders, kinds, max_per_type, audibility, min_confidence) as p
    join (
        select n.*, row_number() over (
                   partition by n.kind, n.field
                   order by n.tier, n.held, n.class, case when n.tier = 'sound' then -n.similarity end, n.popularity desc,
                            length(n.key), n.key) as ranked
        from search_internal.signals(q, query_embedding, finders, kinds, max_per_type, audibility, min_confidence) as n
    ) as s on s.kind = p.kind and s.key = p.key
    order by p.position, s.tier, s.held, s.class, s.field;
end;
$$;
comment on function search.explain(text, public.halfvec, text, text[], integer, double precision, double precision) is
    'Why each hit of search.unified stands where it does: a row for each of its signals, with tier, class, value and the rank '
    'that the signal alone would give it. Sound is no signal for a q before the serving model is calibrated (search.calibrations).
Example: select rank, label, signal, signal_tier from search.explain(''rain'')';
