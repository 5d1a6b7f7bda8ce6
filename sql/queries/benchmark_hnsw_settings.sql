-- The parameters of the index that search.nearest_tracks sets for itself.
select split_part(setting, '=', 1), split_part(setting, '=', 2)
from pg_proc p
cross join unnest(p.proconfig) as setting
where p.oid = 'search.nearest_tracks(halfvec, text, integer, bigint[])'::regprocedure and setting like 'hnsw.%'
