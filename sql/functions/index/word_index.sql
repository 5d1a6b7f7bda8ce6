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

create or replace function search_internal.change_word_counts(names text[], levels smallint[], changes integer[]) returns void
language plpgsql
set search_path = pg_catalog, search, pg_temp
as $$
declare
    counted record;
    known text[];
    fresh text[] := '{}';
begin
    select array_agg(c.word) as words, array_agg(c.documents) as documents, array_agg(c.popularity) as popularities,
           array_agg(c.word) filter (where c.documents > 0) as gained
    into counted
    from (
        select w.word, sum(n.change) as documents, sum(n.change * (1::bigint << 2 * n.level))::bigint as popularity
        from unnest(names, levels, changes) as n (name, level, change)
        cross join lateral (select distinct word from string_to_table(n.name, ' ') as word where word <> '') as w
        group by w.word
        having sum(n.change) <> 0 or sum(n.change * (1::bigint << 2 * n.level)) <> 0
        order by w.word
    ) as c;
    if counted.words is null then
        return;
    end if;
    loop
        -- Kept until the end of the transaction: search_internal.fold_word_counts() does not remove what is being counted.
        -- Locked and added in the order of the words, so that two writers wait for each other instead of deadlocking.
        known := array(select w.word from search.words w where w.word = any (counted.gained) order by w.word for key share);
        exit when cardinality(known) = coalesce(cardinality(counted.gained), 0);
        fresh := fresh || search_internal.add_words(counted.words, counted.documents, counted.popularities, known);
    end loop;
    insert into search.word_count_changes (word, documents, popularity)
    select c.word, c.documents, c.popularity
    from unnest(counted.words, counted.documents, counted.popularities) as c (word, documents, popularity)
    where c.word <> all (fresh);
end;
$$;
comment on function search_internal.change_word_counts(text[], smallint[], integer[]) is
    'Count the words of normalised listed names, each with its level: change is 1 for a name that came, -1 for one that went.';

create or replace function search_internal.add_words(words text[], documents bigint[], popularities bigint[], known text[]) returns text[]
language sql
set search_path = pg_catalog, search, pg_temp
begin atomic
    with added as (
        insert into search.words (word, documents, popularity)
        select c.word, c.documents, c.popularity
        from unnest(words, documents, popularities) as c (word, documents, popularity)
        where c.documents > 0 and c.word <> all (known)
        order by c.word
        -- another transaction has added it: it is known the next time
        on conflict do nothing
        returning word
    ),
    near as (
        insert into search.word_deletions (deletion, word)
        select deletion, added.word from added, search_internal.deletions(added.word) as deletion
    )
    select coalesce(array_agg(added.word), '{}') from added;
end;
comment on function search_internal.add_words(text[], bigint[], bigint[], text[]) is
    'Add to the vocabulary those of the words that are not known, and return them.';

create or replace function search_internal.fold_word_counts() returns bigint
language plpgsql
set search_path = pg_catalog, search, pg_temp
as $$
declare
    folded bigint;
    unused text[];
    free text[];
begin
    if not pg_try_advisory_xact_lock(hashtextextended('search.words', 0)) then
        return 0;
    end if;
    with taken as (
        delete from search.word_count_changes c
        -- not counted yet: search_internal.count_words() has to come first
        where not exists (select from search.words w where w.word = c.word and w.documents is null)
        returning c.word, c.documents, c.popularity
    ),
    changed as (
        select t.word, sum(t.documents) as documents, sum(t.popularity) as popularity from taken t group by t.word
    ),
    updated as (
        update search.words w
        set documents = w.documents + c.documents, popularity = w.popularity + c.popularity
        from changed c where w.word = c.word
        returning w.word, w.documents
    )
    select count(*), array_agg(u.word) filter (where u.documents <= 0) into folded, unused from updated u;
    -- A writer that is counting one of these holds it until its change can be seen.
    free := array(
        select w.word from search.words w where w.word = any (unused) order by w.word for update skip locked);
    delete from search.words w
    where w.word = any (free) and not exists (select from search.word_count_changes c where c.word = w.word);
    -- looked at again next time
    insert into search.word_count_changes (word, documents, popularity)
    select w.word, 0, 0 from search.words w where w.word = any (unused);
    return folded;
end;
$$;
comment on function search_internal.fold_word_counts() is
    'Add up the changes of words'' counts, remove words that no listed name has any more, and return how many words '
    'changed. The task fold_track_counts calls it every minute.';

create or replace function search_internal.count_words() returns bigint
language plpgsql
set search_path = pg_catalog, search, pg_temp
as $$
declare
    counted bigint;
begin
    perform pg_advisory_xact_lock(hashtextextended('search.words', 0));
    -- One statement: names and changes are seen as of one moment. What a writer has not committed then is in its changes.
    with superseded as (
        delete from search.word_count_changes
    ),
    counts as (
        select w.word, count(*) as documents, sum(1::bigint << 2 * d.level) as popularity
        from search.documents d
        cross join lateral (select distinct word from string_to_table(d.normalized, ' ') as word where word <> '') as w
        where d.listed
        group by w.word
    )
    update search.words w
    set documents = coalesce(c.documents, 0), popularity = coalesce(c.popularity, 0)
    from search.words known left join counts c on c.word = known.word
    where w.word = known.word
      and (w.documents, w.popularity) is distinct from (coalesce(c.documents, 0), coalesce(c.popularity, 0));
    get diagnostics counted = row_count;
    insert into search.word_count_changes (word, documents, popularity)
    select w.word, 0, 0 from search.words w where w.documents <= 0;
    perform search_internal.fold_word_counts();
    return counted;
end;
$$;
comment on function search_internal.count_words() is
    'Count the words of all listed names anew, while others write to the catalogue, and return how many counts were wrong.';

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

create or replace function search_internal.on_documents_written() returns trigger
language plpgsql
set search_path = pg_catalog, search, pg_temp
as $$
declare
    names text[] := '{}';
    levels smallint[] := '{}';
    changes integer[] := '{}';
begin
    if tg_op <> 'DELETE' then
        select names || array_agg(n.normalized), levels || array_agg(n.level), changes || array_agg(1)
        into names, levels, changes from new_rows n where n.listed;
    end if;
    if tg_op <> 'INSERT' then
        select names || array_agg(o.normalized), levels || array_agg(o.level), changes || array_agg(-1)
        into names, levels, changes from old_rows o where o.listed;
    end if;
    if cardinality(names) > 0 then
        perform search_internal.change_word_counts(names, levels, changes);
    end if;
    return null;
end;
$$;
comment on function search_internal.on_documents_written() is 'Counts the words of listed names that came or went.';

-- where they are missing: made anew, they would wait for all writers, and keep others waiting. A migration drops one that is to be another.
do $$
begin
    if not exists (select from pg_trigger g where g.tgrelid = 'search.documents'::regclass and g.tgname = 'derive') then
        create trigger derive before insert or update of kind, normalized, context, popularity on search.documents
        for each row execute function search_internal.on_document_written();
    end if;
    if not exists (select from pg_trigger g where g.tgrelid = 'search.documents'::regclass and g.tgname = 'count_inserted') then
        create trigger count_inserted after insert on search.documents referencing new table as new_rows
        for each statement execute function search_internal.on_documents_written();
    end if;
    if not exists (select from pg_trigger g where g.tgrelid = 'search.documents'::regclass and g.tgname = 'count_updated') then
        create trigger count_updated after update on search.documents referencing old table as old_rows new table as new_rows
        for each statement execute function search_internal.on_documents_written();
    end if;
    if not exists (select from pg_trigger g where g.tgrelid = 'search.documents'::regclass and g.tgname = 'count_deleted') then
        create trigger count_deleted after delete on search.documents referencing old table as old_rows
        for each statement execute function search_internal.on_documents_written();
    end if;
end;
$$;
