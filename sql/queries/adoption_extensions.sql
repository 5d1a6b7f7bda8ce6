-- Extensions that are installed where search does not look for them.
select e.extname::text as name, e.extnamespace::regnamespace::text as schema
from pg_extension e
where e.extname = any (:names) and e.extnamespace <> 'public'::regnamespace
order by 1
