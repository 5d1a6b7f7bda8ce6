-- The tracks of a backfill, and the job of each that waits or runs.
select u.track_id, u.job_id
from search.unprocessed_tracks(:task, :identity, :permanent) u
order by u.failed, u.track_id
limit :most
