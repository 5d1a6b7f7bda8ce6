-- Whoever changes a job by hand has another search_path, in which there may be a queue of the application.
do $$
declare
    trigger_function regprocedure;
begin
    for trigger_function in
        select p.oid from pg_proc p
        where p.pronamespace = 'search'::regnamespace and p.proname like 'procrastinate\_%' and p.prorettype = 'trigger'::regtype
    loop
        execute format('alter function %s set search_path = search, public', trigger_function);
    end loop;
end;
$$;
