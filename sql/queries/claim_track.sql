-- Claim a track for this session, unless another one or a worker is at it; no row when the track is gone.
-- A claim ends with its session at the latest, so one that was killed holds nothing.
select t.file_id, k.key,
       case when exists (
           select from procrastinate_jobs j
           join procrastinate_workers w on w.id = j.worker_id and w.last_heartbeat > now() - interval '30 seconds'
           where j.status = 'doing' and j.task_name = :task and j.args ->> 'track_id' = cast(t.id as text)
             and coalesce(j.args ->> 'model', cast(:model as text)) = :model
       ) then false else pg_try_advisory_lock(k.key) end as claimed
from tracks t
cross join lateral (
    select hashtextextended(concat_ws(' ', 'search.backfill', cast(:task as text), cast(:model as text), t.id), 0) as key
) as k
where t.id = :track_id
