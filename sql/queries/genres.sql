-- Genres: predictions of the classifier, and the tags that they suggest.

-- recommended_tags: Genre predictions of a track's present audio, without its tags, and whether a job for them is pending.
select search.may_see(t.visibility, t.artist_did, cast(:viewer as text)) as visible,
       t.extra ->> 'genre_predictions_file_id' is not distinct from t.file_id as classified,
       exists (
           select from public.procrastinate_jobs j
           where j.args ->> 'track_id' = t.id::text and j.status in ('todo', 'doing')
             and j.task_name = 'classify_genres' and j.args ->> 'file_id' = t.file_id
       ) as pending,
       case when t.extra ->> 'genre_predictions_file_id' = t.file_id then array(
           select jsonb_build_object('name', p.value ->> 'name', 'score', p.value -> 'confidence')
           from jsonb_array_elements(t.extra -> 'genre_predictions') with ordinality as p (value, place)
           where not exists (
               select from public.track_tags tt join public.tags g on g.id = tt.tag_id
               where tt.track_id = t.id and lower(g.name) = lower(p.value ->> 'name'))
           order by (p.value ->> 'confidence')::real desc, p.place
           limit :most
       ) else '{}' end as tags
from public.tracks t
where t.id = :track_id

-- request_genres: Have a track classified for a person who waits; whether there is anything to wait for.
select search.request_genres(:track_id)

-- store_genre_predictions: Store the genre predictions of a track's audio.
select search_internal.store_genre_predictions(:track_id, :file_id, cast(:predictions as jsonb))
