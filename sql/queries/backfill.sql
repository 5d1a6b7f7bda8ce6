-- Backfills: which tracks they take, and how far they are.

-- backfill_preview: The tracks that a backfill takes first, and how many it takes without a limit.
select u.track_id, t.title, a.display_name as artist, u.job_id is not null as enqueued, u.failed, count(*) over () as eligible
from search.unprocessed_tracks(:task, :identity, :permanent) u
join public.tracks t on t.id = u.track_id
join public.artists a on a.did = t.artist_did
order by u.failed, u.track_id
limit :most

-- backfill_targets: The tracks of a backfill, each with the job that waits or runs for it.
select u.track_id, u.job_id
from search.unprocessed_tracks(:task, :identity, :permanent) u
order by u.failed, u.track_id
limit :most

-- backfill_progress: How many of some jobs are unfinished, failed or waiting for a retry, and how many workers run.
-- jobs that ended long ago may have been deleted; those that wait for their audio may do so for days
select count(*) filter (
           where j.status = 'doing' or j.status = 'todo' and j.queue_name <> search_internal.awaited_audio_queue()) as unfinished,
       count(*) filter (where j.status = 'failed') as failed,
       count(*) filter (
           where j.status = 'todo' and j.attempts > 0 and j.queue_name <> search_internal.awaited_audio_queue()) as retrying,
       (select count(*) from public.procrastinate_workers w where w.last_heartbeat > now() - interval '30 seconds') as workers
from public.procrastinate_jobs j
where j.id = any (cast(:jobs as bigint[]))

-- backfill_outcomes: The outcomes of a backfill's tracks, each with its number of tracks and its five most frequent reasons.
with wanted as (
    select unnest(cast(:tracks as bigint[])) as id
), lacking as (
    select u.track_id from search.unprocessed_tracks(:task, :identity, true) u
), judged as (
    select w.id, f.reason,
           case when t.id is null then 'gone'
                when l.track_id is null then 'done'
                when f.permanent then 'undecodable'
                when f.reason is not null then 'failed'
                else 'left' end as outcome
    from wanted w
    left join public.tracks t on t.id = w.id
    left join lacking l on l.track_id = w.id
    left join search.job_failures f
        on f.track_id = t.id and f.file_id = t.file_id and f.task = :task and f.model = coalesce(:identity, '')
       and l.track_id is not null
), counted as (
    select j.outcome, j.reason, count(*) as tracks, min(j.id) as example,
           sum(count(*)) over (partition by j.outcome) as in_all,
           row_number() over (partition by j.outcome order by count(*) desc, min(j.id)) as place
    from judged j
    group by j.outcome, j.reason
)
select c.outcome, c.reason, c.tracks, c.example, cast(c.in_all as bigint) as in_all
from counted c
where c.place <= 5
order by c.outcome, c.place

-- claim_track: Claim a track for this session, unless another session or a worker has it; no row when the track is gone.
select c.file_id, c.key, c.claimed from search_internal.claim_track(:task, :model, :track_id) c
