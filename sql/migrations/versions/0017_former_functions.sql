-- Functions that no version defines any more, or defines in another schema. Migrations that moved or replaced the others
-- left these behind in databases that were made before.

drop function if exists search.hydrate(text, text, text);
drop function if exists search.begin_mirror_namespace(text);
drop function if exists search.begin_switch(text, text, integer, real);
drop function if exists search.claim_track(text, text, bigint);
drop function if exists search.resume_switch();
drop function if exists search.retire_mirror_namespaces();
drop function if exists search.serve_mirror_namespace(integer);
drop function if exists search.switch_now(text, text, integer);
drop function if exists search_internal.opens_audio(text, text);
