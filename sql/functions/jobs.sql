create or replace function search.defer_job(queue text, task text, arguments jsonb, priority integer default 0) returns bigint
language sql
set search_path = pg_catalog, public
as $$
    -- the only place that knows the version in the name of the queue's own function
    select (procrastinate_defer_jobs_v1(array[
        row(queue, task, priority, null, null, arguments, null)::procrastinate_job_to_defer_v1
    ]))[1];
$$;
comment on function search.defer_job(text, text, jsonb, integer) is
    'Enqueue a job in the caller''s transaction and return its id: when that rolls back there is no job.';

create or replace function search.enqueue_track_jobs() returns trigger
language plpgsql
set search_path = pg_catalog, public, search
as $$
declare
    arguments jsonb := jsonb_build_object('track_id', new.id, 'file_id', new.file_id);
begin
    perform search.defer_job('embed', 'embed_track', arguments);
    perform search.defer_job('classify', 'classify_genres', arguments);
    return null;
end;
$$;
comment on function search.enqueue_track_jobs() is 'Enqueues the two jobs that a new or replaced recording needs.';

create or replace trigger enqueue_on_insert after insert on public.tracks
for each row execute function search.enqueue_track_jobs();

create or replace trigger enqueue_on_new_audio after update of file_id on public.tracks
for each row when (new.file_id is distinct from old.file_id) execute function search.enqueue_track_jobs();

create or replace function search.enqueue_missing_embeddings() returns bigint
language sql
set search_path = pg_catalog, public, search
as $$
    with pending as (
        select (j.args ->> 'track_id')::bigint as track_id, j.args ->> 'file_id' as file_id
        from public.procrastinate_jobs j
        where j.task_name = 'embed_track' and j.status in ('todo', 'doing')
    ), missing as (
        select t.id, t.file_id
        from public.tracks t
        where not exists (
                select from search.embeddings e
                join search.models m on m.id = e.model_id and m.serving
                where e.track_id = t.id and e.file_id = t.file_id)
          and not exists (
                select from search.job_failures f
                where f.track_id = t.id and f.file_id = t.file_id and f.task = 'embed_track' and f.permanent)
          and not exists (select from pending p where p.track_id = t.id and p.file_id = t.file_id)
    )
    select count(search.defer_job('embed', 'embed_track', jsonb_build_object('track_id', m.id, 'file_id', m.file_id)))
    from missing m;
$$;
comment on function search.enqueue_missing_embeddings() is
    'Enqueue a job for each track without a vector in the serving model, unless one is pending or its audio cannot be decoded.';
