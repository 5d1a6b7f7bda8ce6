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
