create or replace function search_internal.drop_overloads() returns void
language plpgsql
set search_path = pg_catalog, pg_temp
as $$
declare
    -- set by the script that makes functions, of which this is one
    before constant bigint := coalesce(nullif(current_setting('vibe_search.functions_before', true), ''), '-1')::bigint;
    former record;
    dependents text;
    reader record;
begin
    for former in
        with known as (
            select p.oid, p.pronamespace, p.proname, p.proargtypes, p.pronargs::integer, (p.pronargs - p.pronargdefaults)::integer as needed,
                   p.xmin = pg_current_xact_id()::xid and p.cmin::text::bigint > before as made
            from pg_proc p
            where p.pronamespace = any (array['search', 'search_internal']::regnamespace[])
              -- made for one database, by the rules of an adopted catalogue
              and p.proname not like 'visibility\_of\_%' and p.proname not in ('wants_jobs', 'groups_of')
        )
        select k.oid, k.oid::regprocedure as signature
        from known k
        where not k.made
          and exists (
              select from known m
              where m.made and m.pronamespace = k.pronamespace and m.proname = k.proname
                -- Each of search's own has a comment. What others have made stays, unless a call could mean either.
                and (obj_description(k.oid, 'pg_proc') is not null
                     or exists (
                         select from generate_series(greatest(k.needed, m.needed), least(k.pronargs, m.pronargs)) as given (number)
                         where (k.proargtypes::oid[])[0:given.number - 1] = (m.proargtypes::oid[])[0:given.number - 1])))
    loop
        for reader in
            select distinct c.oid::regclass as view
            from pg_depend d
            join pg_rewrite r on r.oid = d.objid
            join pg_class c on c.oid = r.ev_class and c.relkind = 'v' and c.relnamespace = 'search'::regnamespace
            where obj_description(c.oid, 'pg_class') is not null
              and d.refclassid = 'pg_proc'::regclass and d.refobjid = former.oid and d.classid = 'pg_rewrite'::regclass
        loop
            execute format('drop view %s', reader.view);
        end loop;
        begin
            execute format('drop function %s', former.signature);
        exception when dependent_objects_still_exist then
            get stacked diagnostics dependents = pg_exception_detail;
            raise exception '% has other arguments in this version, and something that is not of search needs it: %',
                former.signature, replace(dependents, E'\n', ', ')
                using errcode = 'dependent_objects_still_exist';
        end;
    end loop;
end;
$$;
comment on function search_internal.drop_overloads() is
    'Drop functions of search that have the name, and not the arguments, of a function that this transaction has made: beside each other, calls are ambiguous. '
    'Views that call them are dropped, too. They come back with the views of the same transaction.';
