-- Models: which serve, how far their stores are, and the switch between them.

-- models_in_use: The models that queries and uploads need: the serving one, then the candidate.
select m.identity, m.serving
from search.models m
where m.serving or m.candidate
order by m.serving desc

-- serving_dimensions: Dimensions of the vectors of the serving model.
select m.dimensions from search.models m where m.serving

-- model_states: Every model that has a store: the serving one, the candidate, then the retired ones.
select m.identity, m.name, m.dimensions, m.serving, m.candidate, m.coverage_wanted, m.requested_at, m.served_at, m.retired_at,
       c.tracks, c.embedded, c.undecodable, c.failed, c.coverage
from search.models m
cross join lateral search.model_coverage(m.identity) c
order by m.serving desc, m.candidate desc, m.retired_at desc nulls last, m.id

-- model_failures: Tracks without a vector in a model because the last attempt failed, with the reason.
select f.track_id, t.title, f.task, f.model, f.reason, f.permanent, f.attempts, f.failed_at
from search.job_failures f
join public.tracks t on t.id = f.track_id and t.file_id = f.file_id
where f.task = 'embed_track' and f.model = :identity
order by f.permanent, f.track_id
limit :most

-- embedding_pending: Whether a job that embeds with a model is due, waits for another attempt or runs.
select exists (
    select from public.procrastinate_jobs j
    where j.task_name = 'embed_track' and j.status in ('todo', 'doing')
      and j.queue_name <> search_internal.awaited_audio_queue() and j.args ->> 'model' = :identity
)

-- begin_switch: Register a model and make it the candidate; how many tracks are to be embedded.
select search_internal.begin_switch(:name, :identity, :dimensions, cast(:coverage as real)) as enqueued

-- resume_switch: Enqueue what the candidate lacks, once its queue is empty.
select search_internal.resume_switch() as enqueued

-- switch_now: Register a model and let it serve at once; how many tracks are to be embedded.
select search_internal.switch_now(:name, :identity, :dimensions) as enqueued
