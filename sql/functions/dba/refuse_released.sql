create or replace function search_internal.refuse_released() returns boolean
language plpgsql volatile parallel safe
set search_path = pg_catalog, pg_temp
as $$
begin
    raise exception 'search is released from the tables of the application'
        using errcode = 'object_not_in_prerequisite_state', hint = 'Run vibe-search db adopt.';
end;
$$;
comment on function search_internal.refuse_released() is
    'Refuse to read the catalogue between vibe-search db release and the next vibe-search db adopt: what was hidden meanwhile is not known.';
