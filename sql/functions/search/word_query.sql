create or replace function search_internal.word_term(word text, begun boolean default false) returns text
language sql immutable strict parallel safe
return '''' || chr(1) || replace(replace(word, '\', '\\'), '''', '''''') || '''' || case when begun then ':*' else '' end;
comment on function search_internal.word_term(text, boolean) is
    'Text of a tsquery for one word, or for all that begin so. chr(1) stands for the letters of kind and level before a token.';

create or replace function search_internal.word_terms(words text[]) returns text
language sql immutable strict parallel safe
return (select '(' || string_agg(search_internal.word_term(word), ' | ') || ')' from unnest(words) as word);
comment on function search_internal.word_terms(text[]) is 'Text of a tsquery for any of the words.';

create or replace function search_internal.in_context(query text) returns text
language sql immutable strict parallel safe
return replace(query, chr(1), chr(2));
comment on function search_internal.in_context(text) is 'The same query for words of the context, whose place is held by chr(2).';

create or replace function search_internal.like_literal(value text) returns text
language sql immutable strict parallel safe
return replace(replace(replace(value, '\', '\\'), '%', '\%'), '_', '\_');
comment on function search_internal.like_literal(text) is 'The text as a pattern that matches nothing but itself.';

create or replace function search_internal.typed_words(needle text) returns text[]
language sql immutable strict parallel safe
set search_path = pg_catalog, pg_temp
as $$
    -- a word that was typed twice asks for nothing more, and what a search costs grows with its words
    select coalesce(array_agg(w.word order by w.place) filter (where w.number < 16 or w.place = w.last), '{}')
    from (
        select typed.word, max(typed.place) as place, max(max(typed.place)) over () as last,
               row_number() over (order by max(typed.place)) as number
        from string_to_table(needle, ' ') with ordinality as typed (word, place)
        where typed.word <> ''
        group by typed.word
    ) as w;
$$;
comment on function search_internal.typed_words(text) is
    'The words of a normalised text, each once: the first 15 and the last, which may be only begun.';

create or replace function search_internal.word_forms(
    typed text[], own text[], out forms text[], out known boolean, out patterns text[], out rare boolean, out in_context boolean
)
language plpgsql stable strict parallel safe
set search_path = pg_catalog, search, pg_temp
as $$
declare
    -- a word that begins more others than these is not looked up by each of them
    few constant integer := 20;
    -- documents are read by as many of the rare words as this, and looked at for all others
    most_read constant integer := 2;
    counts integer[] := '{}';
    is_rare boolean[] := '{}';
    terms text[] := '{}';
    several integer;
    most integer;
    words text[];
    exact boolean;
begin
    forms := '{}';
    patterns := '{}';
    rare := false;
    in_context := cardinality(typed) > 1;
    known := cardinality(typed) > 0;
    for place in 1 .. cardinality(typed) loop
        words := array(
            (select w.word from search.words w
             where w.word >= typed[place] and w.word < typed[place] || chr(1114111)
             order by w.word
             limit few + 1)
            union
            select o.word from unnest(own) as o (word) where starts_with(o.word, typed[place])
            order by 1
            limit few + 1);
        known := known and cardinality(words) > 0;
        exit when not known;
        exact := words[1] = typed[place] and place < cardinality(typed);
        if exact then
            words := words[1:1];
        end if;
        counts := counts || cardinality(words);
        is_rare := is_rare || (counts[place] <= few and not exists (select from search.common_words c where c.word = any (words)));
        rare := rare or is_rare[place];
        terms := terms || case when counts[place] <= few then search_internal.word_terms(words) end;
        patterns := patterns || ('% ' || search_internal.like_literal(typed[place]) || case when exact then ' %' else '%' end);
    end loop;
    if not known then
        patterns := '{}';
    elsif rare then
        -- few documents have the rare words: read them and look
        for place in 1 .. cardinality(typed) loop
            if is_rare[place] and cardinality(forms) < most_read then
                forms := forms || terms[place];
                patterns[place] := null;
            end if;
        end loop;
        patterns := array_remove(patterns, null);
    else
        patterns := '{}';
        in_context := in_context and (select count(*) <= 2 from unnest(counts) as count where count > few);
        -- of each word that begins several: all together stay as many as those of one
        several := (select greatest(1, count(*)) from unnest(counts) as count where count > 1);
        most := case when several > 1 then least(few / several, 2 * few / cardinality(typed)) else few end;
        for place in 1 .. cardinality(typed) loop
            forms := forms || case when counts[place] <= greatest(most, 1) then terms[place]
                else search_internal.begun_term(typed[place], most, cardinality(typed) > 1) end;
        end loop;
    end if;
end;
$$;
comment on function search_internal.word_forms(text[], text[]) is
    'How each typed word is looked up: itself, the words that begin so, or, beside a rare word, by a pattern over the text. '
    'known is false when no name has such a word; rare says that few documents have one of them; in_context is false where '
    'it would cost too much to look for some of the words in what an entity belongs to.';

create or replace function search_internal.begun_term(begun text, most integer, beside_others boolean) returns text
language plpgsql stable strict parallel safe
set search_path = pg_catalog, search, pg_temp
as $$
declare
    -- Reading all that begin so costs as much as all their documents. Beside other common words, those
    -- of the commonest fill a page.
    common constant text[] := case when beside_others then array(
        select c.word from search.common_words c
        where c.word >= begun and c.word < begun || chr(1114111)
        order by c.documents desc, c.word
        limit most) end;
begin
    if cardinality(common) > 0 then
        return search_internal.word_terms(case when begun = any (common) then common else common || begun end);
    end if;
    return search_internal.word_term(begun, true);
end;
$$;
comment on function search_internal.begun_term(text, integer, boolean) is
    'Text of a tsquery for the words that begin so: the commonest of them beside other words, all where there is no other word.';

create or replace function search_internal.likely_forms(typed text[], own text[], all_known boolean, out forms text[], out rare boolean)
language plpgsql stable strict parallel safe
set search_path = pg_catalog, search, pg_temp
as $$
declare
    -- of each word; an index is asked for all of them at once, and what that costs grows with their square
    most constant integer := least(14, greatest(3, 90 / greatest(1, cardinality(typed) ^ 2)))::integer;
    begun constant integer := greatest(1, most * 2 / 7);
    words text[];
begin
    forms := '{}';
    rare := false;
    for place in 1 .. cardinality(typed) loop
        words := array(
            select w.word
            from (
                (select w.word, w.popularity
                 from search.words w
                 where w.word >= typed[place] and w.word < typed[place] || chr(1114111)
                   -- a single letter begins a good part of all words
                   and (char_length(typed[place]) > 1 or w.word = typed[place])
                 -- in a million tracks 2,200 words begin with the same two letters; uploads could add any number
                 order by w.word limit 20000)
                union all
                select o.word, search_internal.own_popularity() from unnest(own) as o (word) where starts_with(o.word, typed[place])
            ) as w
            group by w.word
            order by w.word = typed[place] desc, max(w.popularity) desc nulls last, w.word
            limit begun);
        -- where one word is unknown, that one is misspelt; where none is, any may be
        if all_known or cardinality(words) = 0 then
            words := words || array(select s.word from search_internal.similar_words(typed[place], own, most - begun) s);
        end if;
        if cardinality(words) = 0 then
            forms := null;
            return;
        end if;
        forms := forms || search_internal.word_terms(words);
        rare := rare or not exists (select from search.common_words c where c.word = any (words));
    end loop;
end;
$$;
comment on function search_internal.likely_forms(text[], text[], boolean) is
    'Terms for each typed word, begun or misspelt; null when the vocabulary has nothing like one of them. rare says that '
    'few documents have one of them.';

create or replace function search_internal.all_terms(forms text[], or_context boolean) returns text
language sql immutable strict parallel safe
return (
    select string_agg(case when or_context then '(' || form || ' | ' || search_internal.in_context(form) || ')' else form end, ' & ')
    from unnest(forms) as form
);
comment on function search_internal.all_terms(text[], boolean) is 'Text of a tsquery for all of the forms, in the name or also in the context.';

create or replace function search_internal.at_level(query text, kind text, level integer) returns tsquery
language sql immutable strict parallel safe
return replace(replace(query, chr(1), search_internal.token_prefix(kind, level)), chr(2), search_internal.token_prefix(kind, level, true))::tsquery;
comment on function search_internal.at_level(text, text, integer) is 'A query of search_internal.all_terms for the documents of one kind and level.';

create or replace function search_internal.context_alternatives() returns text
language sql immutable parallel safe
set search_path = pg_catalog, search, pg_temp
return '(' || (
    select string_agg('''' || search_internal.token_prefix(kind, level, true) || '\1''', ' | ')
    from unnest(array['track', 'album', 'playlist']) as kind, generate_series(0, 6) as level
) || ')';
comment on function search_internal.context_alternatives() is
    'What stands for a word of the context, \1, in a query for all kinds and levels: the 21 tokens that it may be.';

create or replace function search_internal.at_any_level(query text) returns tsquery
language sql immutable strict parallel safe
return regexp_replace(
    replace(query, chr(1), '='), '''' || chr(2) || '((?:[^'']|'''')*)''', search_internal.context_alternatives(), 'g')::tsquery;
comment on function search_internal.at_any_level(text) is 'A query of search_internal.all_terms for the documents of all kinds and levels.';

create or replace function search_internal.begins_a_word(typed text[], names text) returns boolean
language sql stable strict parallel safe
return exists (
    select from unnest(string_to_array(search.normalize_text(names), ' ')) as word, unnest(typed) as begun
    where starts_with(word, begun));
comment on function search_internal.begins_a_word(text[], text) is 'Whether one of the typed words begins a word of the names.';
