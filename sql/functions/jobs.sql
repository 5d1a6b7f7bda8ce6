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
    -- a candidate too: whatever is uploaded during a switch must not be missing after it
    perform search.defer_job('embed', 'embed_track', arguments || jsonb_build_object('model', m.identity))
    from search.models m where m.serving or m.candidate;
    perform search.defer_job('classify', 'classify_genres', arguments);
    return null;
end;
$$;
comment on function search.enqueue_track_jobs() is 'Enqueues the jobs that a new or replaced recording needs: its genres, and a vector in the serving model and in a candidate.';

create or replace trigger enqueue_on_insert after insert on public.tracks
for each row execute function search.enqueue_track_jobs();

create or replace trigger enqueue_on_new_audio after update of file_id on public.tracks
for each row when (new.file_id is distinct from old.file_id) execute function search.enqueue_track_jobs();

create or replace function search.enqueue_missing_embeddings(
    identity text default null, priority integer default -10, retry_failed boolean default true
)
returns bigint
language sql
set search_path = pg_catalog, public, search
as $$
    with model as (
        select m.id, m.identity, m.serving
        from search.models m
        where case when enqueue_missing_embeddings.identity is null then m.serving
                   else m.identity = enqueue_missing_embeddings.identity end
    ), pending as (
        select (j.args ->> 'track_id')::bigint as track_id, j.args ->> 'file_id' as file_id
        from public.procrastinate_jobs j, model
        where j.task_name = 'embed_track' and j.status in ('todo', 'doing')
          -- a job that names no model embeds with the one that serves
          and coalesce(j.args ->> 'model' = model.identity, model.serving)
    ), missing as (
        select t.id, t.file_id, model.identity
        from public.tracks t, model
        where not exists (
                select from search.embeddings e
                where e.model_id = model.id and e.track_id = t.id and e.file_id = t.file_id)
          and not exists (
                select from search.job_failures f
                where f.track_id = t.id and f.file_id = t.file_id and f.task = 'embed_track' and f.model = model.identity
                  and (f.permanent or not retry_failed))
          and not exists (select from pending p where p.track_id = t.id and p.file_id = t.file_id)
    )
    select count(search.defer_job(
        'embed', 'embed_track',
        jsonb_build_object('track_id', m.id, 'file_id', m.file_id, 'model', m.identity), priority))
    from missing m;
$$;
comment on function search.enqueue_missing_embeddings(text, integer, boolean) is
    'Enqueue a job for each track without a vector in a model, the serving one unless another is named, except where one is '
    'pending or its audio cannot be decoded; with retry_failed false also where it failed for another reason. Behind new '
    'uploads, unless the priority says otherwise.';

create or replace function search.enqueue_missing_genres(priority integer default -10, retry_failed boolean default true)
returns bigint
language sql
set search_path = pg_catalog, public, search
as $$
    with pending as (
        select (j.args ->> 'track_id')::bigint as track_id, j.args ->> 'file_id' as file_id
        from public.procrastinate_jobs j
        where j.task_name = 'classify_genres' and j.status in ('todo', 'doing')
    ), missing as (
        select t.id, t.file_id
        from public.tracks t
        where t.extra ->> 'genre_predictions_file_id' is distinct from t.file_id
          and not exists (
                select from search.job_failures f
                where f.track_id = t.id and f.file_id = t.file_id and f.task = 'classify_genres'
                  and (f.permanent or not retry_failed))
          and not exists (select from pending p where p.track_id = t.id and p.file_id = t.file_id)
    )
    select count(search.defer_job(
        'classify', 'classify_genres', jsonb_build_object('track_id', m.id, 'file_id', m.file_id), priority))
    from missing m;
$$;
comment on function search.enqueue_missing_genres(integer, boolean) is
    'Enqueue a job for each track whose present audio has no genre predictions, except where one is pending or its audio cannot be '
    'decoded; with retry_failed false also where it failed for another reason. Behind new uploads, unless the priority says otherwise.';
