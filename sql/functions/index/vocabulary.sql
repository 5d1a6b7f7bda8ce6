create or replace function search_internal.sorted_letters(word text) returns text
language sql immutable strict parallel safe
set search_path = pg_catalog, pg_temp
return (select string_agg(letter, '' order by letter) from string_to_table(word, null) as letter);
comment on function search_internal.sorted_letters(text) is 'The letters of a word in order: equal for words that exchange letters.';

create or replace function search_internal.own_words(finders text[]) returns text[]
language sql stable parallel safe
set search_path = pg_catalog, search, pg_temp
as $$
    -- names that only some may find; the vocabulary has all others
    select coalesce(array_agg(distinct own.word), '{}')
    from (
        select w.word
        from (
            select d.normalized from search.documents d
            where d.owner = any (finders) or d.audience = any (finders)
            order by d.popularity desc limit 1000
        ) as names
        cross join lateral string_to_table(names.normalized, ' ') as w (word)
        where w.word <> ''
        limit 4000
    ) as own;
$$;
comment on function search_internal.own_words(text[]) is
    'Words of names that the viewer may find and not everyone: 4,000, of the most popular. The vocabulary does not have them, because other people could find them out there.';

create or replace function search_internal.own_popularity() returns bigint
language sql immutable parallel safe
return 4096;
comment on function search_internal.own_popularity() is
    'What a word of the viewer''s own private names counts as in search.words.popularity: people look for what is theirs.';

create or replace function search_internal.similar_words(typed text, own text[], max_words integer default 8)
returns table (word text, edits integer)
language sql stable strict parallel safe rows 8
set search_path = pg_catalog, search, pg_temp
as $$
    select found.word, slips.edits
    from (
        select near.word, public.levenshtein(near.word, typed) as edits, max(near.popularity) as popularity
        from (
            -- in a million tracks 140 entries are near to a word at most; uploads could add any number
            (select d.word, 1 as popularity
             from search.word_deletions d where d.deletion = any (array(select search_internal.deletions(typed))) limit 20000)
            union all
            select o.word, search_internal.own_popularity() from unnest(own) as o (word) where octet_length(o.word) < 256
        ) as near
        where near.word <> typed
          and abs(char_length(near.word) - char_length(typed)) <= case when char_length(typed) >= 8 then 2 else 1 end
        group by near.word
    ) as found
    cross join lateral (
        -- letters that changed places are two edits to Levenshtein, and one slip of the typist (Damerau, 1964)
        select case when found.edits in (2, 4) and char_length(found.word) = char_length(typed)
                         and search_internal.sorted_letters(found.word) = search_internal.sorted_letters(typed)
                    then found.edits / 2 else found.edits end
    ) as slips (edits)
    left join search.words w on w.word = found.word
    -- of three letters only those that lack the fourth
    where (char_length(typed) >= 4 or char_length(typed) = 3 and char_length(found.word) = 4)
      and found.edits <= case when char_length(typed) < 8 then 2 when char_length(found.word) = char_length(typed) then 4 else 3 end
    -- The likelier first, as in a noisy channel (Kernighan, Church and Gale, 1990): what is played more was meant more often, and
    -- an edit more has to be made up for by e ^ 4 = 55 times as many plays.
    order by 4 * slips.edits - ln(greatest(found.popularity, w.popularity)), found.word
    limit max_words;
$$;
comment on function search_internal.similar_words(text, text[], integer) is
    'Words of the vocabulary, and of the viewer''s own, one typo away from what was typed, two if it has 8 letters or more: the '
    'likeliest first, by their edits and by how much what is called so is played.';

create or replace function search.refresh_common_words() returns bigint
language plpgsql
set search_path = pg_catalog, search, pg_temp
as $$
declare
    -- fewer documents than these are read at once
    many constant integer := 500;
    known bigint;
begin
    delete from search.common_words;
    insert into search.common_words (word, documents)
    select counted.word, round(sum(token.frequency) * c.reltuples)
    from pg_stats s
    cross join lateral unnest(s.most_common_elems::text::text[], s.most_common_elem_freqs) as token (value, frequency)
    -- words of names, and of what they belong to: an artist's name is in one name and in the context of all his tracks
    cross join lateral (
        select case when starts_with(token.value, '=') then substr(token.value, 2)
                    when token.value ~ '^(TR|AL|PL)[a-g][^#]' then substr(token.value, 4) end
    ) as counted (word)
    join pg_class c on c.oid = 'search.documents'::regclass
    where s.schemaname = 'search' and s.tablename = 'documents' and s.attname = 'tokens' and counted.word is not null
    group by counted.word, c.reltuples
    having sum(token.frequency) * c.reltuples >= many
    order by 1
    on conflict (word) do update set documents = excluded.documents; -- another may have done the same just now
    get diagnostics known = row_count;
    return known;
end;
$$;
comment on function search.refresh_common_words() is
    'Learn from the planner''s statistics which words are common, and return how many. The task refresh_common_words '
    'calls it every hour; analyze search.documents before where that matters sooner.
Example: select search.refresh_common_words()';
