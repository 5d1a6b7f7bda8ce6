create or replace view search.track_processing as
select t.id as track_id, t.title, t.file_id,
       coalesce(e.file_id = t.file_id, false) as embedded,
       coalesce(t.extra ->> 'genre_predictions_file_id' = t.file_id, false) as classified,
       (select jsonb_object_agg(f.task, f.reason) from search.job_failures f
        where f.track_id = t.id and f.file_id = t.file_id and f.model in ('', m.identity)) as failures
from public.tracks t
left join search.models m on m.serving
left join search.embeddings e on e.track_id = t.id and e.model_id = m.id;
comment on view search.track_processing is
    'Whether the current audio of each track is embedded by the serving model and classified, and if not, what went wrong.
Example: select title, failures from search.track_processing where not embedded';
comment on column search.track_processing.track_id is 'The track.';
comment on column search.track_processing.title is 'Its title.';
comment on column search.track_processing.file_id is 'Its present audio.';
comment on column search.track_processing.embedded is 'Whether that audio has a vector in the serving model.';
comment on column search.track_processing.classified is 'Whether that audio has genre predictions.';
comment on column search.track_processing.failures is 'Why the last attempts failed, by task; null when none did.';
