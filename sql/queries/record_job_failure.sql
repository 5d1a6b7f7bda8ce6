insert into search.job_failures (track_id, task, model, file_id, reason, permanent, attempts)
select t.id, :task, :model, t.file_id, :reason, :permanent, :attempts
from tracks t
where t.id = :track_id and t.file_id = :file_id
on conflict (track_id, task, model) do update
set file_id = excluded.file_id, reason = excluded.reason, permanent = excluded.permanent,
    attempts = excluded.attempts, failed_at = now()
