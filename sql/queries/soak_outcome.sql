-- What became of each track: vectors of its file, whether it is classified, failures with a reason, jobs that have not ended.
select t.id,
       (select count(*) from search.embeddings e where e.track_id = t.id and e.file_id = t.file_id),
       coalesce(t.extra ->> 'genre_predictions_file_id' = t.file_id, false),
       (select count(*) from search.job_failures f where f.track_id = t.id and f.file_id = t.file_id and f.reason <> ''),
       (select count(*) from procrastinate_jobs j where j.args ->> 'track_id' = t.id::text and j.status in ('todo', 'doing'))
from tracks t
