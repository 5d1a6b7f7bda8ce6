create or replace function search.word_term(word text, begun boolean default false) returns text
language sql immutable strict parallel safe
return '''' || chr(1) || replace(replace(word, '\', '\\'), '''', '''''') || '''' || case when begun then ':*' else '' end;
comment on function search.word_term(text, boolean) is
    'Text of a tsquery for one word, or for all that begin so. chr(1) stands for the letters of kind and level before a token.';

create or replace function search.word_terms(words text[]) returns text
language sql immutable strict parallel safe
return (select '(' || string_agg(search.word_term(word), ' | ') || ')' from unnest(words) as word);
comment on function search.word_terms(text[]) is 'Text of a tsquery for any of the words.';

create or replace function search.in_context(query text) returns text
language sql immutable strict parallel safe
return replace(query, chr(1), chr(2));
comment on function search.in_context(text) is 'The same query for words of the context, whose place is held by chr(2).';

create or replace function search.word_forms(typed text[], out forms text[], out known boolean, out pattern text)
language plpgsql stable strict parallel safe
set search_path = pg_catalog, search
as $$
declare
    -- so many words are looked up one by one, which passes over the documents of a common one among them;
    few constant integer := 20;
    -- beyond so many, their documents would cost more to collect than those of the other words to read
    most constant integer := 200;
    words text[];
begin
    forms := '{}';
    known := cardinality(typed) > 0;
    for place in 1 .. cardinality(typed) loop
        words := array(
            select w.word from search.words w
            where w.word >= typed[place] and w.word < typed[place] || chr(1114111)
            order by w.word
            limit most + 1);
        if cardinality(words) = 0 then
            known := false;
            return;
        elsif words[1] = typed[place] and (place < cardinality(typed) or cardinality(words) > most) then
            forms := forms || search.word_term(typed[place]);
        elsif cardinality(words) <= few then
            forms := forms || search.word_terms(words);
        elsif cardinality(words) > most and place = cardinality(typed) and cardinality(forms) > 0 then
            pattern := '% ' || replace(replace(replace(typed[place], '\', '\\'), '%', '\%'), '_', '\_') || '%';
        else
            forms := forms || search.word_term(typed[place], true);
        end if;
    end loop;
end;
$$;
comment on function search.word_forms(text[]) is
    'How each typed word is looked up: itself, the few words that begin so, or all that do. A last word that begins '
    'very many words is left to a pattern over the text. known is false when no name has such a word.';

create or replace function search.likely_forms(typed text[], out forms text[], out names text)
language plpgsql stable strict parallel safe
set search_path = pg_catalog, search
as $$
declare
    begun text[];
    likely text[];
    -- where one word is unknown, that one is misspelt; where none is, any may be
    all_known constant boolean := (search.word_forms(typed)).known;
begin
    forms := '{}';
    for place in 1 .. cardinality(typed) loop
        begun := array(
            select w.word from search.words w
            where w.word >= typed[place] and w.word < typed[place] || chr(1114111)
            order by w.word limit 4);
        likely := case when all_known or cardinality(begun) = 0
            then array(select s.word from search.similar_words(typed[place], 6) s) end;
        if cardinality(begun) + coalesce(cardinality(likely), 0) = 0 then
            forms := null;
            return;
        end if;
        forms := forms || search.word_terms(begun || likely);
    end loop;
    names := array_to_string(forms, ' | ');
end;
$$;
comment on function search.likely_forms(text[]) is
    'Terms for each typed word, begun or misspelt, and one query for any of them in the name; null when the vocabulary '
    'has nothing like one of them.';

create or replace function search.all_terms(forms text[], or_context boolean) returns text
language sql immutable strict parallel safe
return (
    select string_agg(case when or_context then '(' || form || ' | ' || search.in_context(form) || ')' else form end, ' & ')
    from unnest(forms) as form
);
comment on function search.all_terms(text[], boolean) is 'Text of a tsquery for all of the forms, in the name or also in the context.';

create or replace function search.at_level(query text, kind text, level integer) returns tsquery
language sql immutable strict parallel safe
return replace(replace(query, chr(1), search.token_prefix(kind, level)), chr(2), search.token_prefix(kind, level, true))::tsquery;
comment on function search.at_level(text, text, integer) is 'A query of search.all_terms for the documents of one kind and level.';

create or replace function search.begins_a_word(typed text[], names text) returns boolean
language sql stable strict parallel safe
return exists (
    select from unnest(string_to_array(search.normalize_text(names), ' ')) as word, unnest(typed) as begun
    where starts_with(word, begun));
comment on function search.begins_a_word(text[], text) is 'Whether one of the typed words begins a word of the names.';
