create or replace function search_internal.unaccent(value text) returns text
language sql immutable strict parallel safe
set search_path = pg_catalog, pg_temp
begin atomic
    -- unaccent() is only stable because its one-argument form looks its dictionary up
    select public.unaccent('public.unaccent'::regdictionary, value);
end;
comment on function search_internal.unaccent(text) is 'unaccent with a fixed dictionary, and therefore immutable.';

create or replace function search.normalize_text(value text) returns text
language plpgsql immutable strict parallel safe
set search_path = pg_catalog, pg_temp
as $$
declare
    folded text := lower(search_internal.unaccent(normalize(value, nfkc)));
    -- an apostrophe binds (don't = dont), other punctuation parts (lo-fi = lo fi)
    parted text := regexp_replace(
        regexp_replace(folded, '[''`´‘’ʼ]', '', 'g'),
        '[\s\u0001-\u001f!-/:-@\[-`{-~\u007f\u00a1-\u00bf\u2000-\u206f\u3000-\u303f]', ' ', 'g');
    -- scripts without spaces are parted into letters: any run of them then begins like a word, and has trigrams
    words text := btrim(regexp_replace(
        regexp_replace(parted, '([\u3040-\u30ff\u3400-\u9fff\uf900-\ufaff])', ' \1 ', 'g'), '\s+', ' ', 'g'));
begin
    -- a name made of punctuation alone is still a name
    return case when words = '' then btrim(folded) else words end;
end;
$$;
comment on function search.normalize_text(text) is
    'The form in which names and queries are compared: compatibility forms, case, accents, apostrophes, '
    'hyphens and repeated spaces make no difference. Chinese and Japanese are parted into letters.
Example: select search.normalize_text(''Don’t Stop (Lo-Fi)'')';
