-- What is called so. Each function returns at most enough candidates of a kind, the best first, and reads no more than
-- it must: everything at once where that is little, else level by level from the most popular down.

create or replace function search.match_names(needle text, kinds text[], viewer text, enough integer)
returns setof search.signal
language plpgsql stable parallel safe rows 100
set search_path = pg_catalog, search, pg_temp
as $$
declare
    -- the first strings, in "C" order, after all that begin with the needle, and with the needle as a whole word
    needle_end constant text := needle || chr(1114111);
    word_end constant text := needle || '!';
    length constant real := char_length(needle);
    few constant integer := 200;
    found search.signal[];
begin
    found := array(
        select row(d.kind, d.key, d.field, case when d.normalized = needle then 2 else 4 end,
                   case when d.normalized < word_end then 0 else 1 end,
                   length / char_length(d.normalized), d.popularity, null, null)::search.signal
        from search.documents d
        where d.kind = any (kinds) and d.level = any ('{0,1,2,3,4,5,6}'::smallint[])
          and d.normalized >= needle and d.normalized < needle_end and (d.listed or d.owner = viewer)
        limit few + 1);
    if cardinality(found) <= few then
        return query select * from unnest(found);
        return;
    end if;
    return query
    select best.*
    from (select k, (select max(d.level) from search.documents d where d.kind = k)::integer from unnest(kinds) as k)
         as wanted (kind, highest)
    cross join lateral (
        select candidate.*
        from (
            (select d.*
             from generate_series(wanted.highest, 0, -1) as step (level)
             cross join lateral (
                 select d.kind, d.key, d.field, 2::smallint, 0::smallint, 1.0::real, d.popularity, null::real, null::real
                 from search.documents d
                 where d.kind = wanted.kind and d.level = step.level and d.normalized = needle
                   and (d.listed or d.owner = viewer)
                 order by d.popularity desc, d.key limit enough) as d)
            union all
            (select d.*
             from generate_series(wanted.highest, 0, -1) as step (level)
             cross join lateral (
                 select d.kind, d.key, d.field, 4::smallint, 0::smallint, (length / char_length(d.normalized))::real, d.popularity,
                        null::real, null::real
                 from search.documents d
                 where d.kind = wanted.kind and d.level = step.level
                   and d.normalized > needle and d.normalized < word_end and (d.listed or d.owner = viewer)
                 order by d.popularity desc, d.key limit enough) as d)
            union all
            (select d.*
             from generate_series(wanted.highest, 0, -1) as step (level)
             cross join lateral (
                 select d.kind, d.key, d.field, 4::smallint, 1::smallint, (length / char_length(d.normalized))::real, d.popularity,
                        null::real, null::real
                 from search.documents d
                 where d.kind = wanted.kind and d.level = step.level
                   and d.normalized >= word_end and d.normalized < needle_end and (d.listed or d.owner = viewer)
                 order by d.popularity desc, d.key limit enough) as d)
        ) as candidate
        limit enough
    ) as best;
end;
$$;
comment on function search.match_names(text, text[], text, integer) is
    'Names that are, or begin with, the normalised text.';

create or replace function search.match_rare_words(
    forms text[], patterns text[], needle text, last_word text, kinds text[], viewer text, enough integer
)
returns setof search.signal
language plpgsql stable parallel safe rows 100
set search_path = pg_catalog, search, public, pg_temp
as $$
declare
    alone constant boolean := cardinality(forms) + cardinality(patterns) = 1;
    all_words constant tsquery := search.at_any_level(search.all_terms(forms, not alone));
    in_name constant tsquery := search.at_any_level(search.all_terms(forms, false));
    some_in_name constant tsquery := search.at_any_level(array_to_string(forms, ' | '));
    whole_last_word constant text := '% ' || search.like_literal(last_word) || ' %';
begin
    return query
    select d.kind, d.key, d.field, 6::smallint, d.class::smallint,
           case when d.class = 2 then similarity(needle, d.normalized)
                else (char_length(needle)::real / char_length(d.normalized))::real end, d.popularity, null::real, null::real
    from (
        select c.*, row_number() over (partition by c.kind order by c.class, c.popularity desc, c.key) as position
        from (
            select d.kind, d.key, d.field, d.popularity, d.normalized,
                   case when d.tokens @@ in_name and ' ' || d.normalized like all (patterns)
                            then case when ' ' || d.normalized || ' ' like whole_last_word then 0 else 1 end
                        when alone then null
                        when d.tokens @@ some_in_name or ' ' || d.normalized like any (patterns) then 2 end as class
            from search.documents d
            where d.tokens @@ all_words and d.kind = any (kinds)
              and ' ' || d.normalized || ' ' || d.context like all (patterns)
              and not starts_with(d.normalized, needle) and (d.listed or d.owner = viewer)
        ) as c
        where c.class is not null
    ) as d
    where d.position <= enough;
end;
$$;
comment on function search.match_rare_words(text[], text[], text, text, text[], text, integer) is
    'Names that have all the words, or have one and belong to what has the others, where few documents have one of them.';

create or replace function search.match_common_words(
    forms text[], needle text, last_word text, kinds text[], viewer text, enough integer
)
returns setof search.signal
language plpgsql stable parallel safe rows 100
set search_path = pg_catalog, search, public, pg_temp
as $$
declare
    name_query constant text := search.all_terms(forms, false);
    context_query constant text := case when cardinality(forms) > 1 then search.all_terms(forms, true) end;
    some_query constant text := array_to_string(forms, ' | ');
    whole_last_word constant text := '% ' || search.like_literal(last_word) || ' %';
begin
    return query
    select best.*
    from (select k, (select max(d.level) from search.documents d where d.kind = k)::integer from unnest(kinds) as k)
         as wanted (kind, highest)
    cross join lateral (
        select candidate.*
        from (
            (select d.*
             from generate_series(wanted.highest, 0, -1) as step (level)
             -- offset 0: else the query would be built for every row
             cross join lateral (select search.at_level(name_query, wanted.kind, step.level) as in_name offset 0) as query
             cross join lateral (
                 select d.kind, d.key, d.field, 6::smallint,
                        (case when ' ' || d.normalized || ' ' like whole_last_word then 0 else 1 end)::smallint,
                        (char_length(needle)::real / char_length(d.normalized))::real, d.popularity, null::real, null::real
                 from search.documents d
                 where d.tokens @@ query.in_name and not starts_with(d.normalized, needle) and (d.listed or d.owner = viewer)
                 order by d.popularity desc, d.key limit enough) as d)
            union all
            (select d.*
             from generate_series(wanted.highest, 0, -1) as step (level)
             cross join lateral (
                 select search.at_level(context_query, wanted.kind, step.level) as all_words,
                        search.at_level(name_query, wanted.kind, step.level) as in_name,
                        search.at_level(some_query, wanted.kind, step.level) as some_in_name offset 0) as query
             cross join lateral (
                 select d.kind, d.key, d.field, 6::smallint, 2::smallint, similarity(needle, d.normalized), d.popularity,
                        null::real, null::real
                 from search.documents d
                 where context_query is not null and d.tokens @@ query.all_words
                   -- not for the index, which would collect every document of the commonest word
                   and case when d.tokens @@ query.some_in_name then not d.tokens @@ query.in_name end
                   and (d.listed or d.owner = viewer)
                 order by d.popularity desc, d.key limit enough) as d)
        ) as candidate
        limit enough
    ) as best;
end;
$$;
comment on function search.match_common_words(text[], text, text, text[], text, integer) is
    'The same as search.match_rare_words, level by level, where every word is common.';

create or replace function search.match_roughly(
    typed text[], all_known boolean, needle text, kinds text[], viewer text, enough integer
)
returns setof search.signal
language plpgsql stable parallel safe rows 20
set search_path = pg_catalog, search, public, pg_temp
as $$
declare
    inner_words constant text[] := case when cardinality(typed) = 1 and char_length(needle) >= 3 then array(
        select w.word from search.words w
        where w.word like '%' || search.like_literal(needle) || '%'
        order by char_length(w.word), w.word limit 50) end;
    likely constant record := search.likely_forms(typed, all_known);
begin
    if cardinality(inner_words) > 0 then
        return query select * from search.match_any_level(
            search.word_terms(inner_words), null, 8::smallint, needle, kinds, viewer, enough,
            not exists (select from search.common_words c where c.word = any (inner_words)));
    end if;
    if likely.forms is null then
        return;
    end if;
    -- of several words few names have all: those are compared whole, whatever their popularity
    return query select * from search.match_any_level(
        search.all_terms(likely.forms, false), null, 10::smallint, needle, kinds, viewer, enough,
        likely.rare or cardinality(typed) > 1);
    if not found and cardinality(typed) > 1 then
        return query select * from search.match_any_level(
            search.all_terms(likely.forms, true), array_to_string(likely.forms, ' | '),
            10::smallint, needle, kinds, viewer, enough, likely.rare);
    end if;
end;
$$;
comment on function search.match_roughly(text[], boolean, text, text[], text, integer) is
    'Names with words that contain what was typed, or that are a typo away from it.';

create or replace function search.match_any_level(
    all_query text, some_query text, place smallint, needle text, kinds text[], viewer text, enough integer, rare boolean
)
returns setof search.signal
language plpgsql stable parallel safe rows 20
set search_path = pg_catalog, search, public, pg_temp
as $$
declare
    all_words constant tsquery := search.at_any_level(all_query);
    some_in_name constant tsquery := search.at_any_level(some_query);
begin
    if rare then
        return query
        select d.kind, d.key, d.field, match_any_level.place, search.typo_class(match_any_level.place, d.quality), d.quality,
               d.popularity, null::real, null::real
        from (
            select m.*, row_number() over (partition by m.kind order by m.quality desc, m.popularity desc, m.key) as position
            from (
                select d.kind, d.key, d.field, d.popularity, search.likeness(needle, d.normalized) as quality
                from search.documents d
                where d.tokens @@ all_words and d.kind = any (kinds)
                  and case when some_query is null or d.tokens @@ some_in_name then true end
                  and (d.listed or d.owner = viewer)
            ) as m
        ) as d
        where d.position <= enough;
        return;
    end if;
    return query
    select best.*
    from (select k, (select max(d.level) from search.documents d where d.kind = k)::integer from unnest(kinds) as k)
         as wanted (kind, highest)
    cross join lateral (
        select d.*
        from generate_series(wanted.highest, 0, -1) as step (level)
        cross join lateral (
            select search.at_level(all_query, wanted.kind, step.level) as all_words,
                   search.at_level(some_query, wanted.kind, step.level) as some_in_name offset 0) as query
        cross join lateral (
            select d.kind, d.key, d.field, match_any_level.place,
                   search.typo_class(match_any_level.place, search.likeness(needle, d.normalized)),
                   search.likeness(needle, d.normalized), d.popularity, null::real, null::real
            from search.documents d
            where d.tokens @@ query.all_words
              and case when some_query is null or d.tokens @@ query.some_in_name then true end
              and (d.listed or d.owner = viewer)
            order by d.popularity desc, d.key limit enough) as d
        limit enough
    ) as best;
end;
$$;
comment on function search.match_any_level(text, text, smallint, text, text[], text, integer, boolean) is
    'Candidates for a query of search.all_terms, at once where few documents have one of its words, else level by level.';

create or replace function search.likeness(needle text, normalized text) returns real
language sql immutable strict parallel safe
set search_path = pg_catalog, public
return greatest(
    similarity(needle, normalized),
    -- trigrams make much of a slip in a short name and nothing of the order of words
    case when octet_length(needle) < 256 and octet_length(normalized) < 256
         then 1 - levenshtein(needle, normalized)::real / greatest(char_length(needle), char_length(normalized)) end
)::real;
comment on function search.likeness(text, text) is
    'How much two normalised names are alike, 0 to 1: by their trigrams, or by the share of letters that stay.';

create or replace function search.typo_class(place smallint, quality real) returns smallint
language sql immutable strict parallel safe
return case when place = 10 then (10 * (1 - quality))::smallint else 0::smallint end;
comment on function search.typo_class(smallint, real) is
    'Class of a rough match: a name of which more was typed comes first, whatever its popularity.';
