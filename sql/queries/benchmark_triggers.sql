-- The triggers by which search and its jobs follow a table; those of foreign keys are internal ones.
select g.tgname
from pg_trigger g
where g.tgrelid = format('public.%I', cast(:table as text))::regclass and not g.tgisinternal
order by g.tgname
