select f.track_id, t.title, f.task, f.reason, f.permanent, f.attempts
from search.job_failures f
join tracks t on t.id = f.track_id
order by f.track_id, f.task
