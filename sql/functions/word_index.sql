create or replace function search.popularity_level(popularity real) returns smallint
language sql immutable strict parallel safe
set search_path = pg_catalog
-- popularity is ln(1 + plays), so a level is a factor of four in plays
return least(6, floor(popularity / ln(4.0)))::smallint;
comment on function search.popularity_level(real) is
    'Level 0 to 6 of a popularity: each is a factor of four in plays, and so holds a few times fewer rows than the one below. '
    'Above 4,095 plays there are so few that they are read together.';

create or replace function search.token_prefix(kind text, level integer, in_context boolean default false) returns text
language sql immutable strict parallel safe
set search_path = pg_catalog
return case when in_context then upper(left(kind, 2)) else left(kind, 2) end || chr(97 + level);
comment on function search.token_prefix(text, integer, boolean) is
    'Three letters before each word of a token: two of the kind (capital for words of the context), one of the level.';

create or replace function search.document_tokens(kind text, level smallint, normalized text, context text) returns tsvector
language sql immutable strict parallel safe
set search_path = pg_catalog, search
return array_to_tsvector(array(
    select prefix || word
    from unnest(string_to_array(normalized, ' ')) as word, unnest(array['=', search.token_prefix(kind, level)]) as prefix
    where word <> ''
    union
    select prefix || word
    from unnest(string_to_array(context, ' ')) as word, unnest(array['^', search.token_prefix(kind, level, true)]) as prefix
    where word <> ''
));
comment on function search.document_tokens(text, smallint, text, text) is
    'What search.documents.tokens holds: each word of the name behind =, each of the context behind ^, and each once more '
    'behind the letters of kind and level. The former find all of a rare word at once, the latter a common one level by level.';

create or replace function search.deletions(word text) returns setof text
language sql immutable strict parallel safe
set search_path = pg_catalog
begin atomic
    with once as (
        select distinct overlay(word placing '' from place for 1) as rest, place
        from generate_series(1, char_length(word)) as place
    )
    select word
    union
    select rest from once where char_length(word) between 4 and 40
    union
    select overlay(rest placing '' from second for 1)
    from once, generate_series(1, char_length(rest)) as second
    where char_length(word) between 7 and 20;
end;
comment on function search.deletions(text) is
    'A word, the word with one letter left out (4 to 40 letters), and with two (7 to 20 letters).';

create or replace function search.learn_words(names text[]) returns void
language sql
set search_path = pg_catalog, search
begin atomic
    with fresh as (
        insert into search.words (word)
        select distinct word from unnest(names) as name, unnest(string_to_array(name, ' ')) as word
        where word <> ''
        order by word -- so that two transactions with the same new words wait for each other instead of deadlocking
        on conflict do nothing
        returning word
    )
    insert into search.word_deletions (deletion, word)
    select deletion, fresh.word from fresh, search.deletions(fresh.word) as deletion;
end;
comment on function search.learn_words(text[]) is 'Add the words of these normalised names to the vocabulary.';

create or replace function search.similar_words(typed text, max_words integer default 8) returns table (word text, edits integer)
language sql stable strict parallel safe rows 8
set search_path = pg_catalog, public, search
as $$
    select found.word, found.edits
    from (
        select distinct d.word, levenshtein(d.word, typed) as edits
        from search.word_deletions d
        where d.deletion = any (array(select search.deletions(typed)))
          and d.word <> typed
          and abs(char_length(d.word) - char_length(typed)) <= case when char_length(typed) >= 8 then 2 else 1 end
    ) as found
    -- exchanged neighbours are one typo and two edits, and leave the length as it is
    where char_length(typed) >= 4
      and found.edits <= case when char_length(typed) < 8 then 2 when char_length(found.word) = char_length(typed) then 4 else 3 end
    order by found.edits, found.word
    limit max_words;
$$;
comment on function search.similar_words(text, integer) is
    'Words of the vocabulary one typo away from what was typed, two if it has 8 letters or more, the nearest first.';

create or replace function search.refresh_common_words() returns bigint
language plpgsql
set search_path = pg_catalog, search
as $$
declare
    -- fewer documents than these are read at once
    many constant integer := 500;
    known bigint;
begin
    delete from search.common_words;
    insert into search.common_words (word, documents)
    select substr(token.value, 2), round(sum(token.frequency) * c.reltuples)
    from pg_stats s
    cross join lateral unnest(s.most_common_elems::text::text[], s.most_common_elem_freqs) as token (value, frequency)
    join pg_class c on c.oid = 'search.documents'::regclass
    where s.schemaname = 'search' and s.tablename = 'documents' and s.attname = 'tokens'
      and left(token.value, 1) in ('=', '^')
    group by substr(token.value, 2), c.reltuples
    having sum(token.frequency) * c.reltuples >= many
    order by 1
    on conflict (word) do update set documents = excluded.documents; -- another may have done the same just now
    get diagnostics known = row_count;
    return known;
end;
$$;
comment on function search.refresh_common_words() is
    'Learn from the planner''s statistics which words are common, and return how many. The task refresh_common_words '
    'calls it every hour; analyze search.documents before where that matters sooner.';

create or replace function search.on_document_written() returns trigger
language plpgsql
set search_path = pg_catalog, search
as $$
begin
    -- longer than a query may be, and short enough for every index
    new.normalized := left(new.normalized, 300);
    new.context := left(new.context, 2000);
    new.level := search.popularity_level(new.popularity);
    new.tokens := search.document_tokens(new.kind, new.level, new.normalized, new.context);
    return new;
end;
$$;
comment on function search.on_document_written() is 'Shortens very long names, and derives the level and the tokens of a document.';

create or replace trigger derive before insert or update of kind, normalized, context, popularity on search.documents
for each row execute function search.on_document_written();

create or replace function search.on_documents_written() returns trigger
language plpgsql
set search_path = pg_catalog, search
as $$
begin
    perform search.learn_words(array(select normalized from new_rows));
    return null;
end;
$$;
comment on function search.on_documents_written() is 'Adds the words of new names to the vocabulary.';

create or replace trigger learn_insert after insert on search.documents referencing new table as new_rows
for each statement execute function search.on_documents_written();

create or replace trigger learn_update after update on search.documents referencing new table as new_rows
for each statement execute function search.on_documents_written();
