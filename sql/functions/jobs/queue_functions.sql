-- procrastinate's functions find its tables by the caller's search_path, and are called by triggers that run as their owner.
-- So they name their tables with the schema, and look nowhere else.
do $$
declare
    home constant regnamespace := (select c.relnamespace from pg_class c where c.oid = 'public.procrastinate_jobs'::regclass);
    found record;
begin
    for found in
        select p.oid, p.oid::regprocedure as signature, p.prosrc
        from pg_proc p
        join pg_language l on l.oid = p.prolang and l.lanname in ('sql', 'plpgsql')
        where p.pronamespace = home and p.proname like 'procrastinate\_%' and p.prosqlbody is null
    loop
        -- names of channels are in quotes
        execute replace(
            pg_get_functiondef(found.oid), found.prosrc,
            regexp_replace(found.prosrc, '(?<![\w.''])procrastinate_', home || '.procrastinate_', 'g'));
        execute format('alter function %s set search_path = pg_catalog, pg_temp', found.signature);
    end loop;
end;
$$;
