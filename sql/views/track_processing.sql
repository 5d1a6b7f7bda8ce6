create or replace view search.track_processing as
select t.id as track_id, t.title, t.file_id,
       coalesce(e.file_id = t.file_id, false) as embedded,
       coalesce(t.extra ->> 'genre_predictions_file_id' = t.file_id, false) as classified,
       (select jsonb_object_agg(f.task, f.reason) from search.job_failures f
        where f.track_id = t.id and f.file_id = t.file_id and f.model in ('', m.identity)) as failures
from tracks t
left join search.models m on m.serving
left join search.embeddings e on e.track_id = t.id and e.model_id = m.id;
comment on view search.track_processing is
    'Whether the current audio of each track is embedded by the serving model and classified, and if not, what went wrong.';
