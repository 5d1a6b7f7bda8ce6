-- What a job needs to know of its track; no row when it is gone or has other audio by now.
select t.file_id, t.file_type, t.r2_url,
       exists (
           select from search.embeddings e join search.models m on m.id = e.model_id
           where e.track_id = t.id and e.file_id = t.file_id and m.identity = :identity
       ) as embedded,
       exists (
           select from search.models m where m.identity = :identity and (m.serving or m.candidate)
       ) as wanted,
       coalesce(t.extra ->> 'genre_predictions_file_id' = t.file_id, false) as classified
from tracks t
where t.id = :track_id and t.file_id = :file_id
