-- Jobs on tracks: what they read and store, how they fail, and what is in the queue.

-- job_track: What a job needs to know of its track; no row when the track is gone or has other audio.
select t.file_id, t.file_type, t.r2_url, t.artist_did = any (search_internal.artists_with_audio(t.file_id)) as may_open,
       exists (
           select from search.embeddings e join search.models m on m.id = e.model_id
           where e.track_id = t.id and e.file_id = t.file_id and m.identity = :identity
       ) as embedded,
       exists (
           select from search.models m where m.identity = :identity and (m.serving or m.candidate)
       ) as wanted,
       coalesce(t.extra ->> 'genre_predictions_file_id' = t.file_id, false) as classified
from public.tracks t
where t.id = :track_id and t.file_id = :file_id

-- store_embedding: Store the vector of a track's audio in a model; nothing when the track is gone or has other audio.
-- the lock holds off a change of visibility until its trigger can see the new row
with audio as (
    select t.id, t.file_id, t.visibility, t.artist_did
    from public.tracks t
    where t.id = :track_id and t.file_id = :file_id
    for share
)
insert into search.embeddings (track_id, model_id, file_id, embedding, listed, owner, audience)
select audio.id, m.id, audio.file_id, cast(:embedding as public.halfvec),
       search.is_listed(audio.visibility), search.private_owner(audio.visibility, audio.artist_did),
       search_internal.audience(audio.visibility)
from audio
join search.models m on m.identity = :identity
on conflict (track_id, model_id) do update
set file_id = excluded.file_id, embedding = excluded.embedding, listed = excluded.listed, owner = excluded.owner,
    audience = excluded.audience, embedded_at = now()

-- record_job_failure: Record why a job on a track failed; nothing when the track is gone or has other audio.
-- the lock waits for a deletion that is under way, which the foreign key would otherwise find
with audio as (
    select t.id, t.file_id
    from public.tracks t
    where t.id = :track_id and t.file_id = :file_id
    for share
)
insert into search.job_failures (track_id, task, model, file_id, reason, permanent, attempts)
select audio.id, :task, :model, audio.file_id, :reason, :permanent, :attempts
from audio
on conflict (track_id, task, model) do update
set file_id = excluded.file_id, reason = excluded.reason, permanent = excluded.permanent,
    attempts = excluded.attempts, failed_at = now()

-- clear_job_failure: Forget the failure of a job on a track.
delete from search.job_failures where track_id = :track_id and task = :task and model = :model

-- failed_tracks: The failures of all tracks.
select f.track_id, t.title, f.task, f.reason, f.permanent, f.attempts
from search.job_failures f
join public.tracks t on t.id = f.track_id
order by f.track_id, f.task

-- queue_counts: The queue by task and priority, in the order in which workers take from it.
select q.*, search_internal.jobs_awaiting_audio(q.task, q.priority) as awaiting_audio
from search_internal.queue_counts() q
order by q.priority desc, q.task

-- seconds_since_enqueued: How long ago a job was enqueued, its former attempts included.
select coalesce(extract(epoch from now() - min(e.at)), 0) as seconds from public.procrastinate_events e where e.job_id = :job_id

-- queue_failures: The latest failures on the present audio of tracks, and how many there are in all.
select f.track_id, t.title, f.task, f.model, f.reason, f.permanent, f.attempts, f.failed_at, count(*) over () as all_failures
from search.job_failures f
join public.tracks t on t.id = f.track_id and t.file_id = f.file_id
order by f.failed_at desc, f.track_id, f.task, f.model
limit :most

-- drain_progress: How many jobs on tracks are pending, for a progress bar.
select count(*) filter (where status in ('todo', 'doing')) as pending,
       count(*) filter (where status = 'todo' and attempts > 0 and scheduled_at > now()) as waiting_to_retry,
       count(distinct args ->> 'track_id') filter (where status in ('todo', 'doing')) as tracks_pending
from public.procrastinate_jobs
where queue_name in ('embed', 'classify')

-- soak_outcome: For each track: vectors of its file, whether it is classified, recorded failures, and unfinished jobs.
select t.id,
       (select count(*) from search.embeddings e where e.track_id = t.id and e.file_id = t.file_id),
       coalesce(t.extra ->> 'genre_predictions_file_id' = t.file_id, false),
       (select count(*) from search.job_failures f where f.track_id = t.id and f.file_id = t.file_id and f.reason <> ''),
       (select count(*) from public.procrastinate_jobs j where j.args ->> 'track_id' = t.id::text and j.status in ('todo', 'doing'))
from public.tracks t

-- fail_job: Fail a stalled job; no row where another worker has rescued it meanwhile.
with stalled as (
    select id from public.procrastinate_jobs where id = :job_id and status = 'doing' and attempts = :attempts for update
)
select public.procrastinate_finish_job_v1(id, 'failed', false) from stalled
