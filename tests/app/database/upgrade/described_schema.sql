-- Every object of a database, one row each, in words that do not depend on the order in which it was made. Columns of
-- tables are in no order, and constraints that only repeat "not null" are columns' business. What belongs to an extension
-- is left out.

with own_schemas as (
    select n.oid, n.nspname from pg_namespace n
    where n.nspname !~ '^pg_' and n.nspname <> 'information_schema'
), of_extensions as (
    select d.classid, d.objid from pg_depend d where d.deptype = 'e'
), relations as (
    select c.*, c.oid::regclass::text as name from pg_class c
    where c.relnamespace in (select oid from own_schemas)
      and not exists (select from of_extensions e where e.classid = 'pg_class'::regclass and e.objid = c.oid)
), functions as (
    select p.*, p.oid::regprocedure::text as name from pg_proc p
    where p.pronamespace in (select oid from own_schemas)
      and not exists (select from of_extensions e where e.classid = 'pg_proc'::regclass and e.objid = p.oid)
), types as (
    select t.*, t.oid::regtype::text as name from pg_type t
    where t.typnamespace in (select oid from own_schemas) and t.typtype in ('d', 'e')
      and not exists (select from of_extensions e where e.classid = 'pg_type'::regclass and e.objid = t.oid)
)
select 'schema ' || nspname, concat_ws(
    E'\n', obj_description(n.oid, 'pg_namespace'),
    (select string_agg(a::text, ' ' order by a::text) from unnest(n.nspacl) as a))
from pg_namespace n where n.oid in (select oid from own_schemas) and n.nspname <> 'public'
union all
select 'function ' || name, concat_ws(
    E'\n',
    -- an aggregate has no definition
    case when prokind = 'a' then 'aggregate' else pg_get_functiondef(oid) end,
    'comment: ' || obj_description(oid, 'pg_proc'),
    -- null is what everyone has: execution by all
    'privileges: ' || (select string_agg(a::text, ' ' order by a::text) from unnest(coalesce(proacl, acldefault('f', proowner))) as a))
from functions
union all
select case relkind when 'v' then 'view ' when 'S' then 'sequence ' when 'c' then 'composite ' when 'i' then 'index '
                    when 'I' then 'index ' else 'table ' end || name,
    concat_ws(
        E'\n',
        case when relkind in ('i', 'I') then pg_get_indexdef(r.oid) end,
        case when relkind in ('i', 'I') then (select format('valid: %s', indisvalid) from pg_index where indexrelid = r.oid) end,
        case relkind when 'v' then pg_get_viewdef(r.oid) end,
        case relkind when 'S' then (
            select format('%s by %s from %s', seqtypid::regtype, seqincrement, seqstart) from pg_sequence where seqrelid = r.oid) end,
        case when relkind in ('r', 'p') then concat_ws(
            ' ', pg_get_partkeydef(r.oid), pg_get_expr(relpartbound, r.oid),
            (select string_agg(i.inhparent::regclass::text, ' ') from pg_inherits i where i.inhrelid = r.oid)) end,
        format('persistence: %s', relpersistence), format('row security: %s', relrowsecurity),
        'parameters: ' || (select string_agg(o, ' ' order by o) from unnest(reloptions) as o),
        'comment: ' || obj_description(r.oid, 'pg_class'),
        'privileges: ' || (select string_agg(a::text, ' ' order by a::text) from unnest(
            case when relkind in ('r', 'p', 'v', 'S')
                then coalesce(relacl, acldefault(case relkind when 'S' then 's'::"char" else 'r' end, relowner)) end) as a))
from relations r where relkind in ('r', 'p', 'v', 'm', 'S', 'c', 'i', 'I')
union all
select 'column ' || r.name || '.' || a.attname, concat_ws(
    E'\n', format_type(a.atttypid, a.atttypmod), case when a.attnotnull then 'not null' end,
    'default: ' || pg_get_expr(d.adbin, d.adrelid), 'identity: ' || nullif(a.attidentity::text, ''),
    'generated: ' || nullif(a.attgenerated::text, ''), 'statistics: ' || a.attstattarget,
    'collation: ' || nullif(a.attcollation, 0)::regcollation::text, format('storage: %s', a.attstorage),
    'comment: ' || col_description(r.oid, a.attnum),
    -- a value of a composite type is written in the order of its columns, and so are the rows of a view
    case when r.relkind in ('c', 'v') then format('place: %s', a.attnum) end)
from relations r join pg_attribute a on a.attrelid = r.oid and a.attnum > 0 and not a.attisdropped
left join pg_attrdef d on d.adrelid = r.oid and d.adnum = a.attnum
where r.relkind in ('r', 'p', 'v', 'm', 'c')
union all
select format('constraint %s on %s', c.conname, r.name), concat_ws(
    E'\n', pg_get_constraintdef(c.oid), format('valid: %s', c.convalidated), 'comment: ' || obj_description(c.oid, 'pg_constraint'))
from pg_constraint c join relations r on r.oid = c.conrelid where c.contype <> 'n'
union all
select format('trigger %s on %s', t.tgname, r.name), concat_ws(
    E'\n', -- "a or b or c" has other parentheses once it was dumped and restored
    translate(pg_get_triggerdef(t.oid), '()', ''), format('enabled: %s', t.tgenabled), 'comment: ' || obj_description(t.oid, 'pg_trigger'))
from pg_trigger t join relations r on r.oid = t.tgrelid where not t.tgisinternal
union all
select 'type ' || t.name, concat_ws(
    E'\n', case t.typtype when 'd' then format_type(t.typbasetype, t.typtypmod) end,
    (select string_agg(e.enumlabel, ' ' order by e.enumsortorder) from pg_enum e where e.enumtypid = t.oid),
    'comment: ' || obj_description(t.oid, 'pg_type'))
from types t
union all
select 'constraint of ' || t.name, pg_get_constraintdef(c.oid) from pg_constraint c join types t on t.oid = c.contypid
union all
select 'extension ' || extname, format('in %s', extnamespace::regnamespace) from pg_extension
