create or replace function search_internal.popularity_level(popularity real) returns smallint
language sql immutable strict parallel safe
set search_path = pg_catalog, pg_temp
-- popularity is ln(1 + plays), so a level is a factor of four in plays
return least(6, floor(popularity / ln(4.0)))::smallint;
comment on function search_internal.popularity_level(real) is
    'Level 0 to 6 of a popularity: each is a factor of four in plays, and so holds a few times fewer rows than the one below. '
    'Above 4,095 plays there are so few that they are read together.';

create or replace function search_internal.token_prefix(kind text, level integer, in_context boolean default false) returns text
language sql immutable strict parallel safe
set search_path = pg_catalog, pg_temp
return case when in_context then upper(left(kind, 2)) else left(kind, 2) end || chr(97 + level);
comment on function search_internal.token_prefix(text, integer, boolean) is
    'Three letters before each word of a token: two of the kind (capital for words of the context), one of the level.';

create or replace function search_internal.document_tokens(kind text, level smallint, normalized text, context text) returns tsvector
language sql immutable strict parallel safe
set search_path = pg_catalog, search, pg_temp
return array_to_tsvector(array(
    select prefix || word
    from unnest(string_to_array(normalized, ' ')) as word, unnest(array['=', search_internal.token_prefix(kind, level)]) as prefix
    where word <> ''
    union
    select search_internal.token_prefix(kind, level, true) || word from unnest(string_to_array(context, ' ')) as word where word <> ''
));
comment on function search_internal.document_tokens(text, smallint, text, text) is
    'What search.documents.tokens holds: each word of the name behind =, and once more behind the letters of kind and level; '
    'each word of the context behind the latter alone. The former find all of a rare word at once, the latter a common one level by level.';

create or replace function search_internal.deletions(word text) returns setof text
language plpgsql immutable strict parallel safe rows 30
set search_path = pg_catalog, pg_temp
as $$
declare
    letters constant integer := char_length(word);
    found text[] := array[word];
    rest text;
begin
    if letters between 4 and 40 then
        for place in 1 .. letters loop
            rest := overlay(word placing '' from place for 1);
            found := found || rest;
            if letters between 7 and 20 then
                for other in place .. letters - 1 loop
                    found := found || overlay(rest placing '' from other for 1);
                end loop;
            end if;
        end loop;
    end if;
    return query select distinct unnest(found);
end;
$$;
comment on function search_internal.deletions(text) is
    'A word, the word with one letter left out (4 to 40 letters), and with two (7 to 20 letters).';

create or replace function search_internal.learn_words(names text[]) returns void
language sql
set search_path = pg_catalog, search, pg_temp
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
    select deletion, fresh.word from fresh, search_internal.deletions(fresh.word) as deletion;
end;
comment on function search_internal.learn_words(text[]) is 'Add the words of these normalised names to the vocabulary.';

create or replace function search_internal.on_document_written() returns trigger
language plpgsql
set search_path = pg_catalog, search, pg_temp
as $$
begin
    -- longer than a query may be, and short enough for every index
    new.normalized := left(new.normalized, 300);
    new.context := left(new.context, 2000);
    new.level := search_internal.popularity_level(new.popularity);
    new.tokens := search_internal.document_tokens(new.kind, new.level, new.normalized, new.context);
    return new;
end;
$$;
comment on function search_internal.on_document_written() is 'Shortens very long names, and derives the level and the tokens of a document.';

create or replace trigger derive before insert or update of kind, normalized, context, popularity on search.documents
for each row execute function search_internal.on_document_written();

create or replace function search_internal.on_documents_written() returns trigger
language plpgsql
set search_path = pg_catalog, search, pg_temp
as $$
begin
    perform search_internal.learn_words(array(select normalized from new_rows));
    return null;
end;
$$;
comment on function search_internal.on_documents_written() is 'Adds the words of new names to the vocabulary.';

create or replace trigger learn_insert after insert on search.documents referencing new table as new_rows
for each statement execute function search_internal.on_documents_written();

create or replace trigger learn_update after update on search.documents referencing new table as new_rows
for each statement execute function search_internal.on_documents_written();
