-- What of the server decides about speed.
select s.name, current_setting(s.name)
from unnest(array[
    'server_version', 'shared_buffers', 'effective_cache_size', 'work_mem', 'maintenance_work_mem', 'max_wal_size',
    'random_page_cost', 'max_parallel_maintenance_workers', 'max_parallel_workers_per_gather', 'jit', 'fsync',
    'synchronous_commit'
]) with ordinality as s (name, place)
union all
select 'pgvector', extversion from pg_extension where extname = 'vector';
