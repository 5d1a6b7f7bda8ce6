-- How far the work on one track is.

-- Workers' rows change their status only, which is in the condition: the index holds what is unfinished, and stays small.
-- "if not exists" would wait for all writers before it looks.
do $$
begin
    if not exists (
        select from pg_index i
        join pg_class c on c.oid = i.indexrelid
        where i.indrelid = 'public.procrastinate_jobs'::regclass and c.relname = 'search_unfinished_jobs_idx'
    ) then
        create index search_unfinished_jobs_idx on public.procrastinate_jobs ((args ->> 'track_id'))
        where status in ('todo', 'doing');
    end if;
end;
$$;

create or replace function search.track_tasks(track_id bigint)
returns table (task text, model text, state text, reason text, permanent boolean, attempts integer)
language sql stable
set search_path = pg_catalog, search, pg_temp
as $$
    with track as (
        select t.id, t.file_id, t.extra from public.tracks t where t.id = track_tasks.track_id
    ), wanted as (
        select 'embed_track' as task, m.identity as model, exists (
                   select from search.embeddings e
                   where e.model_id = m.id and e.track_id = track.id and e.file_id = track.file_id) as done
        from track, search.models m where m.serving
        union all
        select 'classify_genres', '', coalesce(track.extra ->> 'genre_predictions_file_id' = track.file_id, false)
        from track
    ), pending as (
        select j.task_name as task, j.args ->> 'model' as model, bool_or(j.status = 'doing') as running,
               bool_and(j.status = 'todo' and j.queue_name = search_internal.awaited_audio_queue()) as awaiting_audio
        from public.procrastinate_jobs j, track
        where j.args ->> 'track_id' = track_tasks.track_id::text and j.status in ('todo', 'doing')
          and j.args ->> 'file_id' = track.file_id
        group by 1, 2
    )
    select w.task, w.model,
           case when w.done then 'done'
                when bool_or(p.running) then 'running'
                when bool_and(p.awaiting_audio) then 'waiting'
                when bool_or(p.task is not null) then 'queued'
                when bool_or(f.track_id is not null) then 'failed'
                else 'missing' end,
           max(f.reason) filter (where not w.done), coalesce(bool_or(f.permanent) filter (where not w.done), false),
           coalesce(max(f.attempts) filter (where not w.done), 0)
    from wanted w
    cross join track
    -- a job that names no model embeds with the one that serves
    left join pending p on p.task = w.task and coalesce(p.model, w.model) = w.model
    left join search.job_failures f
        on f.track_id = track.id and f.task = w.task and f.model = w.model and f.file_id = track.file_id
    group by w.task, w.model, w.done
    order by w.task desc;
$$;
comment on function search.track_tasks(bigint) is
    'The tasks on a track''s present audio and how far they are: done, running, queued (a retry of a failed attempt too, with its '
    'reason), waiting (for audio that the store does not have yet), failed, or missing where no job will do it, as after search.cancel_jobs or while genres are switched off.
Example: select task, state, reason from search.track_tasks(1)';
