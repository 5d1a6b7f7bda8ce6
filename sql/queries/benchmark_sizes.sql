-- Bytes of what search keeps: tables without their indexes, and each index. Partitions are told apart by their names.
select c.relname, case when c.relkind = 'r' then pg_table_size(c.oid) else pg_relation_size(c.oid) end
from pg_class c
where c.relnamespace = 'search'::regnamespace and c.relkind in ('r', 'i') and pg_relation_size(c.oid) > 8192
order by 2 desc, 1
