-- What former versions have made and later ones have left behind.

-- Functions that no version defines any more, or defines in another schema.
drop function if exists search.hydrate(text, text, text);
drop function if exists search.begin_mirror_namespace(text);
drop function if exists search.begin_switch(text, text, integer, real);
drop function if exists search.claim_track(text, text, bigint);
drop function if exists search.resume_switch();
drop function if exists search.retire_mirror_namespaces();
drop function if exists search.serve_mirror_namespace(integer);
drop function if exists search.switch_now(text, text, integer);
drop function if exists search_internal.opens_audio(text, text);

-- Its operator depends on the search_path: a dump of it cannot be restored. It is made anew with the others.
do $$
begin
    if exists (
        select from pg_trigger g
        where g.tgrelid = 'search.embeddings'::regclass and g.tgname = 'mirror_update'
          and pg_get_triggerdef(g.oid) like '%embedding IS DISTINCT FROM%'
    ) then
        drop trigger mirror_update on search.embeddings;
    end if;
end;
$$;
