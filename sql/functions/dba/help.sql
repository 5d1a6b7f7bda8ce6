create or replace function search.help()
returns table (name text, arguments text, what_it_does text, example text)
language sql stable parallel safe
set search_path = pg_catalog, pg_temp
as $$
    select described.name, described.arguments, btrim(split_part(described.comment, E'\nExample: ', 1)),
           split_part(described.comment, E'\nExample: ', 2)
    from (
        select 'search.' || p.proname as name, pg_get_function_arguments(p.oid) as arguments,
               obj_description(p.oid, 'pg_proc') as comment
        from pg_proc p
        where p.pronamespace = 'search'::regnamespace
        union all
        select 'search.' || c.relname, null, obj_description(c.oid, 'pg_class')
        from pg_class c
        where c.relnamespace = 'search'::regnamespace and c.relkind = 'v'
    ) as described
    where described.comment like E'%\nExample: %'
    order by described.arguments is null, described.name;
$$;
comment on function search.help() is
    'What is for people to call: functions with their arguments, and views, each with an example that runs.
Example: select name, what_it_does, example from search.help()';

create or replace function search_internal.drop_former_names() returns bigint
language plpgsql
set search_path = pg_catalog, pg_temp
as $$
declare
    former regprocedure;
    dropped bigint := 0;
begin
    for former in
        select p.oid from pg_proc p
        where p.pronamespace = 'search'::regnamespace
          and obj_description(p.oid, 'pg_proc') like 'Former name of search\_internal.%'
    loop
        execute format('drop function %s', former);
        dropped := dropped + 1;
    end loop;
    return dropped;
end;
$$;
comment on function search_internal.drop_former_names() is
    'Drop the names that functions had before they were moved out of schema search, and return how many there were. '
    'Processes of the version before need them.';

do $$
declare
    former regprocedure;
begin
    -- they name what they call with its schema
    for former in
        select p.oid from pg_proc p
        where p.pronamespace = 'search'::regnamespace
          and obj_description(p.oid, 'pg_proc') like 'Former name of search\_internal.%'
    loop
        execute format('alter function %s set search_path = pg_catalog, pg_temp', former);
    end loop;
end;
$$;
