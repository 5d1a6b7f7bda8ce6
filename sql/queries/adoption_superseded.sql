-- Tables of search by the names of tables that the application has.
select c.relname::text as name
from pg_class c
join pg_namespace n on n.oid = c.relnamespace and n.nspname = 'search'
where c.relkind = 'r' and c.relname = any (:tables)
order by 1
