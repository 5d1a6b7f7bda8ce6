-- What is called so. Each function returns at most enough candidates of a kind, the best first, and reads no more than
-- it must: everything at once where that is little, else level by level from the most popular down.

create or replace function search_internal.match_names(needle text, kinds text[], finders text[], enough integer)
returns search_internal.signal[]
language plpgsql stable parallel safe
set search_path = pg_catalog, search, pg_temp
as $$
declare
    -- the first strings, in "C" order, after the needle itself, after all that have it as a whole word, after all that begin with it
    exact_end constant text := needle || chr(1);
    word_end constant text := needle || '!';
    needle_end constant text := needle || chr(1114111);
    length constant real := char_length(needle);
    few constant integer := 200;
    found search_internal.signal[];
begin
    found := array(
        select search_internal.make_signal(
                   d.kind, d.key, d.field, case when d.normalized = needle then 'exact'::search.tier else 'prefix' end,
                   class => case when d.normalized < word_end then search_internal.whole_word() else search_internal.begun_word() end,
                   quality => length / char_length(d.normalized), popularity => d.popularity)
        from search.documents d
        where d.kind = any (kinds) and d.level = any ('{0,1,2,3,4,5,6}'::smallint[])
          and d.normalized >= needle and d.normalized < needle_end and (d.listed or d.owner = any (finders) or d.audience = any (finders))
        limit few + 1);
    if cardinality(found) <= few then
        return found;
    end if;
    return array(
        select best.signal
        from search_internal.highest_levels(kinds) as highest
        cross join lateral (
            select search_internal.make_signal(
                       highest.kind, d.key, d.field, part.tier, class => part.class,
                       quality => length / char_length(d.normalized), popularity => d.popularity) as signal
            from (values
                ('exact'::search.tier, search_internal.whole_word(), needle, exact_end),
                ('prefix', search_internal.whole_word(), exact_end, word_end),
                ('prefix', search_internal.begun_word(), word_end, needle_end)
            ) as part (tier, class, first, before)
            cross join lateral search_internal.names_by_level(
                highest.kind, highest.level, part.first, part.before, finders, enough) as d
            limit enough
        ) as best);
end;
$$;
comment on function search_internal.match_names(text, text[], text[], integer) is
    'Names that are, or begin with, the normalised text.';

create or replace function search_internal.match_rare_words(
    forms text[], patterns text[], needle text, last_word text, kinds text[], finders text[], enough integer
)
returns search_internal.signal[]
language plpgsql stable parallel safe
set search_path = pg_catalog, search, pg_temp
as $$
declare
    alone constant boolean := cardinality(forms) + cardinality(patterns) = 1;
    all_words constant tsquery := search_internal.at_any_level(search_internal.all_terms(forms, not alone));
    in_name constant tsquery := search_internal.at_any_level(search_internal.all_terms(forms, false));
    some_in_name constant tsquery := search_internal.at_any_level(array_to_string(forms, ' | '));
    whole_last_word constant text := '% ' || search_internal.like_literal(last_word) || ' %';
begin
    return array(
        select search_internal.make_signal(
                   d.kind, d.key, d.field, 'word_prefix', class => d.class,
                   quality => case when d.class = search_internal.context_word() then public.similarity(needle, d.normalized)
                                   else char_length(needle)::real / char_length(d.normalized) end,
                   popularity => d.popularity)
        from (
            select c.*, row_number() over (partition by c.kind order by c.class, c.popularity desc, c.key) as position
            from (
                select d.kind, d.key, d.field, d.popularity, d.normalized,
                       case when d.tokens @@ in_name and ' ' || d.normalized || ' ' like all (patterns)
                                then case when ' ' || d.normalized || ' ' like whole_last_word
                                          then search_internal.whole_word() else search_internal.begun_word() end
                            when alone then null
                            when d.tokens @@ some_in_name or ' ' || d.normalized || ' ' like any (patterns)
                                then search_internal.context_word() end as class
                from search.documents d
                where d.tokens @@ all_words and d.kind = any (kinds)
                  and ' ' || d.normalized || ' ' || d.context || ' ' like all (patterns)
                  and not starts_with(d.normalized, needle) and (d.listed or d.owner = any (finders) or d.audience = any (finders))
            ) as c
            where c.class is not null
        ) as d
        where d.position <= enough);
end;
$$;
comment on function search_internal.match_rare_words(text[], text[], text, text, text[], text[], integer) is
    'Names that have all the words, or have one and belong to what has the others, where few documents have one of them.';

create or replace function search_internal.match_common_words(
    forms text[], in_context boolean, needle text, last_word text, kinds text[], finders text[], enough integer
)
returns search_internal.signal[]
language plpgsql stable parallel safe
set search_path = pg_catalog, search, pg_temp
as $$
declare
    name_query constant text := search_internal.all_terms(forms, false);
    context_query constant text := case when in_context then search_internal.all_terms(forms, true) end;
    some_query constant text := array_to_string(forms, ' | ');
    whole_last_word constant text := '% ' || search_internal.like_literal(last_word) || ' %';
begin
    return array(
        select best.signal
        from search_internal.highest_levels(kinds) as highest
        cross join lateral (
            select candidate.signal
            from (
                select search_internal.make_signal(
                           highest.kind, d.key, d.field, 'word_prefix',
                           class => case when ' ' || d.normalized || ' ' like whole_last_word
                                         then search_internal.whole_word() else search_internal.begun_word() end,
                           quality => char_length(needle)::real / char_length(d.normalized), popularity => d.popularity)
                from search_internal.words_by_level(
                    highest.kind, highest.level, name_query, null, null, needle, finders, enough) as d
                union all
                select search_internal.make_signal(
                           highest.kind, d.key, d.field, 'word_prefix', class => search_internal.context_word(),
                           quality => public.similarity(needle, d.normalized), popularity => d.popularity)
                from search_internal.words_by_level(
                    highest.kind, highest.level, context_query, some_query, name_query, null, finders, enough) as d
                where context_query is not null
            ) as candidate (signal)
            limit enough
        ) as best);
end;
$$;
comment on function search_internal.match_common_words(text[], boolean, text, text, text[], text[], integer) is
    'The same as search_internal.match_rare_words, level by level, where every word is common.';

create or replace function search_internal.match_roughly(
    typed text[], own text[], all_known boolean, needle text, kinds text[], finders text[], enough integer
)
returns search_internal.signal[]
language plpgsql stable parallel safe
set search_path = pg_catalog, search, pg_temp
as $$
declare
    inner_words constant text[] := case when cardinality(typed) = 1 and char_length(needle) >= 3 then array(
        select w.word
        from (
            -- in a million tracks 2,500 words contain the same three letters; uploads could add any number
            (select w.word, w.popularity from search.words w
             where w.word like '%' || search_internal.like_literal(needle) || '%' limit 20000)
            union all
            select o.word, search_internal.own_popularity() from unnest(own) as o (word) where strpos(o.word, needle) > 0
        ) as w
        group by w.word
        order by max(w.popularity) desc nulls last, char_length(w.word), w.word
        limit 50) end;
    likely constant record := search_internal.likely_forms(typed, own, all_known);
    inner_matches search_internal.signal[] := '{}';
    misspelt search_internal.signal[] := '{}';
begin
    if cardinality(inner_words) > 0 then
        inner_matches := search_internal.match_any_level(
            'substring', search_internal.word_terms(inner_words), null, needle, kinds, finders, enough,
            not exists (select from search.common_words c where c.word = any (inner_words)));
    end if;
    if likely.forms is not null then
        -- of several words few names have all: those are compared whole, whatever their popularity
        misspelt := search_internal.match_any_level(
            'fuzzy', search_internal.all_terms(likely.forms, false), null, needle, kinds, finders, enough,
            likely.rare or cardinality(typed) > 1);
        if cardinality(misspelt) = 0 and cardinality(typed) > 1 then
            misspelt := search_internal.match_any_level(
                'fuzzy', search_internal.all_terms(likely.forms, true), array_to_string(likely.forms, ' | '),
                needle, kinds, finders, enough, likely.rare);
        end if;
    end if;
    return inner_matches || misspelt;
end;
$$;
comment on function search_internal.match_roughly(text[], text[], boolean, text, text[], text[], integer) is
    'Names with words that contain what was typed, or that are a typo away from it.';

create or replace function search_internal.match_any_level(
    tier search.tier, all_query text, some_query text, needle text, kinds text[], finders text[], enough integer, rare boolean
)
returns search_internal.signal[]
language plpgsql stable parallel safe
set search_path = pg_catalog, search, pg_temp
as $$
declare
    all_words constant tsquery := search_internal.at_any_level(all_query);
    some_in_name constant tsquery := search_internal.at_any_level(some_query);
begin
    if rare then
        return array(
            select search_internal.make_signal(
                       d.kind, d.key, d.field, match_any_level.tier,
                       class => case when match_any_level.tier = 'fuzzy' then search_internal.typo_class(d.quality) else 0 end,
                       quality => d.quality, popularity => d.popularity)
            from (
                select m.*, row_number() over (
                           partition by m.kind
                           -- as a page orders them
                           order by case when match_any_level.tier = 'fuzzy' then m.quality end desc, m.popularity desc,
                                    length(m.key), m.key) as position
                from (
                    select d.kind, d.key, d.field, d.popularity, search_internal.likeness(needle, d.normalized) as quality
                    from search.documents d
                    where d.tokens @@ all_words and d.kind = any (kinds)
                      and case when some_query is null or d.tokens @@ some_in_name then true end
                      and (d.listed or d.owner = any (finders) or d.audience = any (finders))
                ) as m
            ) as d
            where d.position <= enough);
    end if;
    return array(
        select search_internal.make_signal(
                   best.kind, best.key, best.field, match_any_level.tier,
                   class => case when match_any_level.tier = 'fuzzy' then search_internal.typo_class(best.quality) else 0 end,
                   quality => best.quality, popularity => best.popularity)
        from search_internal.highest_levels(kinds) as highest
        cross join lateral (
            select highest.kind, d.key, d.field, d.popularity, search_internal.likeness(needle, d.normalized) as quality
            from search_internal.words_by_level(
                highest.kind, highest.level, all_query, some_query, null, null, finders, enough) as d
            limit enough
        ) as best);
end;
$$;
comment on function search_internal.match_any_level(search.tier, text, text, text, text[], text[], integer, boolean) is
    'Candidates of a tier for a query of search_internal.all_terms, at once where few documents have one of its words, else level by level.';

create or replace function search_internal.likeness(needle text, normalized text) returns real
language sql immutable strict parallel safe
set search_path = pg_catalog, pg_temp
return greatest(
    public.similarity(needle, normalized),
    -- trigrams make much of a slip in a short name and nothing of the order of words
    case when octet_length(needle) < 256 and octet_length(normalized) < 256
         then 1 - public.levenshtein(needle, normalized)::real / greatest(char_length(needle), char_length(normalized)) end
)::real;
comment on function search_internal.likeness(text, text) is
    'How much two normalised names are alike, 0 to 1: by their trigrams, or by the share of letters that stay.';
