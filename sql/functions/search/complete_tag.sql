create or replace function search.complete_tag(prefix text default '', k integer default 20)
returns table (name text, track_count bigint)
language plpgsql stable parallel safe
set search_path = pg_catalog, search, pg_temp
set plan_cache_mode = force_generic_plan
set jit = off
as $$
declare
    needle constant text := coalesce(search.normalize_text(prefix), '');
    -- popularity is as of the last folding; counts that are waiting do not change the order
    few constant integer := greatest(k, 200);
begin
    return query
    select d.label, held.listed
    from (
        select walk.key
        from search_internal.highest_levels(array['tag']) as highest
        cross join lateral search_internal.names_by_level(
            'tag', highest.level, needle, needle || chr(1114111), null, few) as walk
        limit few
    ) as begun
    -- limit 1: a row for each key, by the index; however many there may be by the planner's guess, it reads no whole table
    cross join lateral (
        select t.key, t.label, t.track_count from search.documents t
        where t.kind = 'tag' and t.key = begun.key and t.field = 'name' limit 1
    ) as d
    cross join lateral (
        select (d.track_count + coalesce(sum(c.change), 0))::bigint
        from search.track_count_changes c where c.kind = 'tag' and c.key = d.key
    ) as held (listed)
    order by held.listed desc, d.label
    limit k;
end;
$$;
comment on function search.complete_tag(text, integer) is
    'The k tags on most listed tracks whose names begin with a text, with how many tracks. An empty text: of all tags. '
    'A tag on no listed track is left out.
Example: select name, track_count from search.complete_tag(''am'')';
