-- The states of the mirror's namespaces: filling, serving, retired, dropped.

create or replace function search_internal.begin_mirror_namespace(base text) returns text
language plpgsql
set search_path = pg_catalog, search, pg_temp
as $$
declare
    next_generation integer;
    begun text;
begin
    if exists (select from search.mirror_namespaces n where n.state = 'filling')
       or not exists (select from search.models m where m.serving) then
        return null;
    end if;
    -- taken first, for the name may contain it
    next_generation := nextval(pg_get_serial_sequence('search.mirror_namespaces', 'generation'));
    insert into search.mirror_namespaces as n (generation, name, model_id)
    overriding system value
    select next_generation,
           -- a name is never used twice, so that a late write finds no other namespace under it
           case when exists (select from search.mirror_namespaces u where u.name = base)
                then base || '-' || next_generation else base end,
           m.id
    from search.models m
    where m.serving
    -- another transaction may have begun one since
    on conflict (state) where state = 'filling' do nothing
    returning n.name into begun;
    return begun;
end;
$$;
comment on function search_internal.begin_mirror_namespace(text) is
    'Begin a namespace for the serving model, to be filled, under a name that was never used: the given one, or that with a number. '
    'Returns the name, or null when no model serves or a namespace is being filled already.';

create or replace function search_internal.serve_mirror_namespace(generation integer) returns boolean
language plpgsql
set search_path = pg_catalog, search, pg_temp
as $$
begin
    -- a process that has lost its lock without knowing must not retire what another has just let serve
    if not exists (
        select from search.mirror_namespaces n
        where n.generation = serve_mirror_namespace.generation and n.state = 'filling')
    then
        return false;
    end if;
    -- only one may serve, so the former goes first
    update search.mirror_namespaces n set state = 'retired', retired_at = now() where n.state = 'serving';
    update search.mirror_namespaces n set state = 'serving', served_at = now()
    where n.generation = serve_mirror_namespace.generation and n.state = 'filling';
    return true;
end;
$$;
comment on function search_internal.serve_mirror_namespace(integer) is
    'Let a namespace that was filled serve, and retire the one that did. False, and nothing is done, unless it was being filled.';

create or replace function search_internal.retire_mirror_namespaces() returns void
language plpgsql
set search_path = pg_catalog, search, pg_temp
as $$
begin
    -- first, so that new transactions note no changes
    update search.mirror_namespaces n set state = 'retired', retired_at = now() where n.state in ('filling', 'serving');
    delete from search.mirror_changes;
end;
$$;
comment on function search_internal.retire_mirror_namespaces() is
    'Retire every namespace of the mirror, so that each is dropped, and forget the changes that it has yet to be told.';
