-- The tables of a catalogue that are there already, and who else has triggers there by the names of ours.
select c.relname as name, c.relkind::text as kind, pg_has_role(c.relowner, 'usage') as owned, pg_get_userbyid(c.relowner) as owner, c.relforcerowsecurity as hides_rows,
       array(
           select g.tgname::text from pg_trigger g
           join pg_proc p on p.oid = g.tgfoid
           where g.tgrelid = c.oid and not g.tgisinternal and g.tgname = any (:triggers) and p.pronamespace::regnamespace::text <> 'search'
           order by 1) as foreign_triggers,
       array(
           select array(select a.attname::text from unnest(i.indkey) with ordinality as k (attnum, place)
                        join pg_attribute a on a.attrelid = c.oid and a.attnum = k.attnum
                        where k.place <= i.indnkeyatts order by a.attname)::text
           from pg_index i
           where i.indrelid = c.oid and i.indisunique and i.indisvalid and i.indimmediate and i.indpred is null and i.indexprs is null
       ) as unique_columns,
       array(
           select regexp_replace(pg_get_indexdef(i.indexrelid), '^.* USING ', '') from pg_index i
           where i.indrelid = c.oid and i.indisvalid
       ) as indexes
from pg_class c
where c.relnamespace = 'public'::regnamespace and c.relname = any (:tables)
