-- What a backfill would take first, and how many tracks it would take without a limit.
select u.track_id, t.title, a.display_name as artist, u.job_id is not null as enqueued, u.failed, count(*) over () as eligible
from search.unprocessed_tracks(:task, :identity, :permanent) u
join tracks t on t.id = u.track_id
join artists a on a.did = t.artist_did
order by u.failed, u.track_id
limit :most
