create or replace function search_internal.drop_overloads() returns void
language plpgsql
set search_path = pg_catalog, pg_temp
as $$
declare
    former record;
    reader record;
begin
    for former in
        select p.oid, p.oid::regprocedure as signature
        from pg_proc p
        where p.pronamespace = any (array['search', 'search_internal']::regnamespace[])
          -- a row of this transaction is of a function that it has made
          and p.xmin <> pg_current_xact_id()::xid
          and exists (
              select from pg_proc made
              where made.pronamespace = p.pronamespace and made.proname = p.proname and made.xmin = pg_current_xact_id()::xid)
          -- made for one database: the rules of an adopted catalogue, and the store of its serving model
          and p.proname not like 'visibility\_of\_%' and p.proname not in ('wants_jobs', 'groups_of')
    loop
        for reader in
            select distinct c.oid::regclass as view
            from pg_depend d
            join pg_rewrite r on r.oid = d.objid
            join pg_class c on c.oid = r.ev_class and c.relkind = 'v' and c.relnamespace = 'search'::regnamespace
            where d.refclassid = 'pg_proc'::regclass and d.refobjid = former.oid and d.classid = 'pg_rewrite'::regclass
        loop
            execute format('drop view %s', reader.view);
        end loop;
        execute format('drop function %s', former.signature);
    end loop;
end;
$$;
comment on function search_internal.drop_overloads() is
    'Drop functions that have the name, and not the arguments, of a function that this transaction has made: beside each other, calls are ambiguous. '
    'Views that call them are dropped, too. They come back with the views of the same transaction.';
