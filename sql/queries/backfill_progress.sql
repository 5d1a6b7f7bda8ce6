-- How far some jobs are, and whether anybody is there to run them; those that ended long ago may be gone.
select count(*) filter (where j.status in ('todo', 'doing')) as unfinished,
       count(*) filter (where j.status = 'failed') as failed,
       count(*) filter (where j.status = 'todo' and j.attempts > 0) as retrying,
       (select count(*) from procrastinate_workers w where w.last_heartbeat > now() - interval '30 seconds') as workers
from procrastinate_jobs j
where j.id = any (cast(:jobs as bigint[]))
