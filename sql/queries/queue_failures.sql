-- The latest failures on tracks as they are now, and how many there are in all.
select f.track_id, t.title, f.task, f.model, f.reason, f.permanent, f.attempts, f.failed_at, count(*) over () as all_failures
from search.job_failures f
join tracks t on t.id = f.track_id and t.file_id = f.file_id
order by f.failed_at desc, f.track_id, f.task, f.model
limit :most
