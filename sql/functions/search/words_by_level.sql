-- The walk over levels of popularity: names are read from the highest level of a kind downwards until there are enough. These
-- are written so that the planner puts them in place of their call (one statement, no setting, not strict), and a walk ends as
-- soon as its caller has enough. The file is named to come after those of the functions that it calls.

create or replace function search_internal.highest_levels(kinds text[]) returns table (kind text, level integer)
language sql stable parallel safe
begin atomic
    select k, (select max(d.level) from search.documents d where d.kind = k)::integer from unnest(kinds) as k
    -- a walk whose argument is a subquery is not put in place of its call
    offset 0;
end;
comment on function search_internal.highest_levels(text[]) is 'The highest level that a document of each kind has.';

create or replace function search_internal.names_by_level(
    kind text, highest integer, first text, before text, finders text[], enough integer
)
returns table (key text, field text, normalized text, popularity real)
language sql stable parallel safe rows 20
begin atomic
    select found.key, found.field, found.normalized, found.popularity
    from generate_series(highest, 0, -1) as step (level)
    cross join lateral (
        select d.key, d.field, d.normalized, d.popularity
        from search.documents d
        where d.kind = names_by_level.kind and d.level = step.level
          and d.normalized >= first and d.normalized < before and (d.listed or d.owner = any (finders) or d.audience = any (finders))
        order by d.popularity desc, d.key limit enough
    ) as found;
end;
comment on function search_internal.names_by_level(text, integer, text, text, text[], integer) is
    'Names of a kind from one string up to another, level by level; enough of each level.';

create or replace function search_internal.words_by_level(
    kind text, highest integer, all_query text, some_query text, no_query text, not_begun text, finders text[], enough integer
)
returns table (key text, field text, normalized text, popularity real)
language sql stable parallel safe rows 20
begin atomic
    select found.key, found.field, found.normalized, found.popularity
    from generate_series(highest, 0, -1) as step (level)
    -- offset 0: else the queries would be built for every row
    cross join lateral (
        select search_internal.at_level(all_query, words_by_level.kind, step.level) as all_words,
               search_internal.at_level(some_query, words_by_level.kind, step.level) as some_word,
               search_internal.at_level(no_query, words_by_level.kind, step.level) as not_these
        offset 0
    ) as query
    cross join lateral (
        select d.key, d.field, d.normalized, d.popularity
        from search.documents d
        where d.tokens @@ query.all_words
          -- in a case, to keep them from the index, which would collect every document of the commonest word
          and case when some_query is null or d.tokens @@ query.some_word
                   then no_query is null or not d.tokens @@ query.not_these end
          and (not_begun is null or not starts_with(d.normalized, not_begun))
          and (d.listed or d.owner = any (finders) or d.audience = any (finders))
        order by d.popularity desc, d.key limit enough
    ) as found;
end;
comment on function search_internal.words_by_level(text, integer, text, text, text, text, text[], integer) is
    'Documents of a kind that match a query of search_internal.all_terms, level by level, enough of each level. Of these only names that '
    'match some_query, do not match no_query, and do not begin with not_begun; each of the three may be null.';
