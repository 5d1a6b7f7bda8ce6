-- Tracks without a vector in a model because the last attempt failed, with why.
select f.track_id, t.title, f.task, f.model, f.reason, f.permanent, f.attempts, f.failed_at
from search.job_failures f
join tracks t on t.id = f.track_id and t.file_id = f.file_id
where f.task = 'embed_track' and f.model = :identity
order by f.permanent, f.track_id
limit :most
