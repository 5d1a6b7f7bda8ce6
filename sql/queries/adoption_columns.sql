-- Their columns. A type is that of its domain, without its length.
select c.relname as table_name, a.attname as name, format_type(coalesce(nullif(t.typbasetype, 0), t.oid), null) as type,
       a.attnotnull as required, a.atthasdef or a.attidentity <> '' or a.attgenerated <> '' as filled,
       exists (
           select from pg_constraint k
           where k.conrelid = c.oid and k.contype = 'f' and k.confrelid = to_regclass('public.artists') and k.conkey = array[a.attnum]
       ) as names_artist
from pg_class c
join pg_attribute a on a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped
join pg_type t on t.oid = a.atttypid
where c.relnamespace = 'public'::regnamespace and c.relname = any (:tables)
order by c.relname, a.attnum
