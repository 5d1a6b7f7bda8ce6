-- Functions that no version defines any more, or defines in another schema or with other arguments. Migrations that moved
-- or replaced the others left these behind in databases that were made before. No process of 0016 calls them.
-- compatible from 0016

drop function if exists search.hydrate(text, text, text);
drop function if exists search.begin_mirror_namespace(text);
drop function if exists search.begin_switch(text, text, integer, real);
drop function if exists search.claim_track(text, text, bigint);
drop function if exists search.resume_switch();
drop function if exists search.retire_mirror_namespaces();
drop function if exists search.serve_mirror_namespace(integer);
drop function if exists search.switch_now(text, text, integer);
drop function if exists search_internal.opens_audio(text, text);

-- 0012 moves these, and so they look as if the same upgrade had made them
drop function if exists search_internal.ranked_page(text, public.halfvec, text, text[], integer, double precision, double precision, bigint[]);
drop function if exists search_internal.signals(text, public.halfvec, text, text[], integer, double precision, double precision, bigint[]);
drop function if exists search_internal.match_sounds(public.halfvec, text, integer, double precision, double precision, bigint[]);
drop function if exists search_internal.match_held(search_internal.signal[], text, integer);
drop function if exists search_internal.match_names(text, text[], text, integer);
drop function if exists search_internal.match_rare_words(text[], text[], text, text, text[], text, integer);
drop function if exists search_internal.match_any_level(search.tier, text, text, text, text[], text, integer, boolean);
drop function if exists search_internal.names_by_level(text, integer, text, text, text, integer);
drop function if exists search_internal.words_by_level(text, integer, text, text, text, text, text, integer);

-- That of 0008 compares the vectors by an operator, and a dump of it cannot be restored. The functions' script makes the present one.
do $$
begin
    if exists (
        select from pg_trigger g
        where g.tgrelid = to_regclass('search.embeddings') and g.tgname = 'mirror_update'
          and pg_get_triggerdef(g.oid) ~* 'embedding is distinct from') then
        drop trigger mirror_update on search.embeddings;
    end if;
end;
$$;
