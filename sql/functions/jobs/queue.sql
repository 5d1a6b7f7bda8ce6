create or replace function search_internal.awaited_audio_queue() returns text
language sql immutable parallel safe
return 'awaited_audio';
comment on function search_internal.awaited_audio_queue() is
    'Queue of the jobs whose audio the store does not have yet. They look again after growing waits, until AUDIO_WAIT_HOURS are over.';

create or replace function search_internal.jobs_awaiting_audio(task text, priority integer) returns bigint
language sql stable parallel safe
set search_path = pg_catalog, search, pg_temp
as $$
    select count(*)
    from public.procrastinate_jobs j
    where j.status = 'todo' and j.queue_name = search_internal.awaited_audio_queue()
      and j.task_name = jobs_awaiting_audio.task and j.priority = jobs_awaiting_audio.priority;
$$;
comment on function search_internal.jobs_awaiting_audio(text, integer) is
    'How many jobs of a task at a priority wait for audio that the store does not have yet.';

create or replace function search_internal.queue_counts() returns table (
    task text, priority integer, waiting bigint, retrying bigint, running bigint, failed bigint, cancelled bigint,
    done_last_minute bigint, done_last_hour bigint, oldest timestamptz
)
language sql stable
set search_path = pg_catalog, search, pg_temp
as $$
    with done as (
        select e.job_id, max(e.at) as at
        from public.procrastinate_events e
        where e.type = 'succeeded' and e.at > now() - interval '1 hour'
        group by e.job_id
    ), counted as (
        select j.task_name, j.priority,
               count(*) filter (where j.status = 'todo' and not a.awaited and coalesce(j.scheduled_at <= now(), true)) as waiting,
               count(*) filter (where j.status = 'todo' and not a.awaited and j.scheduled_at > now()) as retrying,
               count(*) filter (where j.status = 'doing') as running,
               count(*) filter (where j.status = 'failed') as failed,
               count(*) filter (where j.status in ('cancelled', 'aborted')) as cancelled,
               count(*) filter (where d.at > now() - interval '1 minute') as done_last_minute,
               count(d.at) as done_last_hour,
               min(j.id) filter (where j.status = 'todo' and not a.awaited or j.status = 'doing') as oldest_id
        from public.procrastinate_jobs j
        cross join lateral (select j.queue_name = search_internal.awaited_audio_queue()) as a (awaited)
        left join done d on d.job_id = j.id
        group by j.task_name, j.priority
    )
    select c.task_name, c.priority, c.waiting, c.retrying, c.running, c.failed, c.cancelled,
           c.done_last_minute, c.done_last_hour,
           (select min(e.at) from public.procrastinate_events e where e.job_id = c.oldest_id)
    from counted c;
$$;
comment on function search_internal.queue_counts() is
    'The queue by task and priority: jobs that wait, wait for another attempt, run, failed and were cancelled, those done in the last '
    'minute and hour, and when the oldest unfinished one was enqueued. Jobs that wait for their audio are left out.';

create or replace function search.retry_failed_jobs(task text default null, permanent boolean default false)
returns bigint
language sql
set search_path = pg_catalog, search, pg_temp
as $$
    with failed as (
        -- a new job starts counting attempts from the beginning, and wakes the workers up
        delete from public.procrastinate_jobs j
        where j.status = 'failed' and (retry_failed_jobs.task is null or j.task_name = retry_failed_jobs.task)
          -- periodic tasks come again by themselves
          and j.queue_name not in ('upkeep', 'urgent_upkeep')
          and (retry_failed_jobs.permanent or not exists (
                select from search.job_failures f
                where f.permanent and f.task = j.task_name and f.track_id = (j.args ->> 'track_id')::bigint
                  and f.file_id = j.args ->> 'file_id' and f.model = coalesce(j.args ->> 'model', f.model)))
        returning case when j.queue_name <> search_internal.awaited_audio_queue() then j.queue_name
                       when j.task_name = 'embed_track' then 'embed' else 'classify' end as queue_name, j.task_name, j.args, j.priority
    ), wanted as (
        select f.queue_name, f.task_name, f.args, max(f.priority) as priority
        from failed f
        where not exists (
                select from public.procrastinate_jobs p
                where p.status in ('todo', 'doing') and p.task_name = f.task_name and p.args = f.args)
          and exists (
                select from public.tracks t
                where t.id = (f.args ->> 'track_id')::bigint and t.file_id = f.args ->> 'file_id')
        group by f.queue_name, f.task_name, f.args
    )
    select count(search_internal.defer_job(w.queue_name, w.task_name, w.args, w.priority)) from wanted w;
$$;
comment on function search.retry_failed_jobs(text, boolean) is
    'Enqueue failed jobs anew, of one task or of all, and return how many. Those whose audio cannot be decoded are left alone unless '
    'permanent is true; those of tracks that are gone or have other audio by now are dropped.
Example: select search.retry_failed_jobs(''embed_track'')';

create or replace function search.cancel_jobs(task text default null, below_priority integer default null) returns bigint
language sql
set search_path = pg_catalog, search, pg_temp
as $$
    select count(public.procrastinate_cancel_job_v1(j.id, false, false))
    from public.procrastinate_jobs j
    where j.status = 'todo' and j.queue_name not in ('upkeep', 'urgent_upkeep')
      and (cancel_jobs.task is null or j.task_name = cancel_jobs.task)
      and (cancel_jobs.below_priority is null or j.priority < cancel_jobs.below_priority);
$$;
comment on function search.cancel_jobs(text, integer) is
    'Cancel jobs that no worker has begun, of one task or of all, below a priority or at any, and return how many. '
    'search.enqueue_missing_embeddings and search.enqueue_missing_genres bring them back.
Example: select search.cancel_jobs(below_priority => search.job_priority(''upload''))';
