-- A function, not a view: procrastinate's own migrations could not alter a table that a view reads.
create or replace function search.processing_audit() returns table (
    artist_did text, artist_handle text, artist_name text, track_id bigint, title text, file_id text,
    embeddings jsonb, classified_file_id text, classified_at timestamptz, pending text[], failures jsonb
)
language sql stable
set search_path = pg_catalog, search, pg_temp
-- as in search.unprocessed_tracks
set enable_nestloop = off
as $$
    with embedded as (
        select e.track_id, jsonb_agg(jsonb_build_object(
                   'model', m.name, 'identity', m.identity, 'file_id', e.file_id, 'embedded_at', e.embedded_at
               ) order by m.serving desc, e.embedded_at) as embeddings
        from search.embeddings e
        join search.models m on m.id = e.model_id
        group by e.track_id
    ), jobs as (
        select (j.args ->> 'track_id')::bigint as track_id, j.args ->> 'file_id' as file_id,
               array_agg(distinct j.task_name::text order by j.task_name::text) filter (where j.status in ('todo', 'doing')) as pending,
               max(v.at) filter (where j.task_name = 'classify_genres') as classified_at
        from public.procrastinate_jobs j
        left join public.procrastinate_events v on v.job_id = j.id and v.type = 'succeeded'
        where j.task_name in ('embed_track', 'classify_genres')
        group by 1, 2
    ), failed as (
        select f.track_id, f.file_id, jsonb_agg(jsonb_build_object(
                   'task', f.task, 'model', nullif(f.model, ''), 'reason', f.reason, 'permanent', f.permanent,
                   'attempts', f.attempts, 'failed_at', f.failed_at
               ) order by f.task, f.model) as failures
        from search.job_failures f
        group by 1, 2
    )
    select a.did, a.handle, a.display_name, t.id, t.title, t.file_id, coalesce(e.embeddings, '[]'),
           t.extra ->> 'genre_predictions_file_id',
           case when t.extra ->> 'genre_predictions_file_id' = t.file_id then j.classified_at end,
           coalesce(j.pending, '{}'), coalesce(f.failures, '[]')
    from public.tracks t
    join public.artists a on a.did = t.artist_did
    left join embedded e on e.track_id = t.id
    left join jobs j on j.track_id = t.id and j.file_id = t.file_id
    left join failed f on f.track_id = t.id and f.file_id = t.file_id;
$$;
comment on function search.processing_audit() is
    'What has been done to each track: every vector that is stored of it, in whichever model and of whichever audio; the audio that its '
    'genre predictions are of, and when they were made, as long as the queue remembers; the tasks whose jobs wait or run; and why '
    'the last attempts at its present audio failed. A track with neither a vector nor predictions was never processed.
Example: select artist_name, title, pending, failures from search.processing_audit()';
