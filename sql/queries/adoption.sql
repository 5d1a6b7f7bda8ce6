-- What adoption finds in the database of an application.

-- adoption_tables: Tables of the application's catalogue, with their owners, keys, indexes and foreign triggers that bear names of ours.
select c.relname as name, c.relkind::text as kind, pg_has_role(c.relowner, 'usage') as owned, pg_get_userbyid(c.relowner) as owner, c.relforcerowsecurity as hides_rows,
       array(
           select g.tgname::text from pg_trigger g
           join pg_proc p on p.oid = g.tgfoid
           where g.tgrelid = c.oid and not g.tgisinternal and g.tgname = any (:triggers) and p.pronamespace::regnamespace::text not in ('search', 'search_internal')
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

-- adoption_columns: Columns of those tables.
-- a type is that of its domain, without its length
select c.relname as table_name, a.attname as name, format_type(coalesce(nullif(t.typbasetype, 0), t.oid), null) as type,
       format('%I.%I', t.typnamespace::regnamespace::text, t.typname) as declared,
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

-- adoption_superseded: Tables of search that have the names of tables of the application.
select c.relname::text as name
from pg_class c
join pg_namespace n on n.oid = c.relnamespace and n.nspname = 'search'
where c.relkind = 'r' and c.relname = any (:tables)
order by 1

-- adoption_places: Numbers of the columns that search reads: one that is renamed keeps its own.
select c.relname::text as table_name, a.attname::text as name, a.attnum as number
from pg_class c
join pg_attribute a on a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped
where c.relnamespace = 'public'::regnamespace and c.relname = any (:tables) and a.attname = any (:columns)
order by 1, 3

-- stale_tables: Tables of an adopted catalogue that triggers cannot follow in the usual way.
select s.table_name, s.followed from search.stale_tables s order by 1

-- release_triggers: Triggers of search on tables that are not its own.
select c.oid::regclass::text as table_name, c.relname::text as plain_name, g.tgname::text as name
from pg_trigger g
join pg_class c on c.oid = g.tgrelid and c.relnamespace = 'public'::regnamespace
join pg_proc p on p.oid = g.tgfoid and p.pronamespace = any (array['search', 'search_internal']::regnamespace[])
where not g.tgisinternal
order by 1, 3

-- release_views: Views of search; all that depends on a table of the application is among them.
select c.relname::text as name from pg_class c where c.relnamespace = 'search'::regnamespace and c.relkind = 'v' order by 1

-- release_functions: Functions of search that Postgres knows to read tables of the application.
select distinct d.objid::regprocedure::text as name
from pg_depend d
join pg_class c on c.oid = d.refobjid and c.relnamespace = 'public'::regnamespace
join pg_proc p on p.oid = d.objid and p.pronamespace = any (array['search', 'search_internal']::regnamespace[])
where d.classid = 'pg_proc'::regclass and d.refclassid = 'pg_class'::regclass
order by 1

-- release_columns: Columns that search reads of the application's tables, as it sees them, with their types.
select c.relname::text as table_name, a.attname::text as name, format_type(a.atttypid, a.atttypmod) as type
from pg_class c
join pg_attribute a on a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped
where c.relname = any (:tables) and a.attname = any (:columns)
  and c.oid = coalesce(to_regclass('search.' || quote_ident(c.relname)), to_regclass('public.' || quote_ident(c.relname)))
  and c.relkind = case when c.relnamespace = 'search'::regnamespace then 'v' else 'r' end
order by 1, a.attnum
