-- Vectors of some tracks, and jobs of every status. Those of the others are as the triggers have enqueued them.

insert into search.embeddings (track_id, model_id, file_id, embedding, listed, owner, embedded_at)
select t.id, m.id, t.file_id,
       (select array_agg(case n when t.id then 0.9 when t.id + 1 then sqrt(0.19) else 0 end order by n)
        from generate_series(1, m.dimensions) as n)::real[]::halfvec,
       search.is_listed(t.visibility), search.private_owner(t.visibility, t.artist_did), '2024-07-01'
from tracks t, search.models m
where m.serving and t.id in (1, 2, 3, 5, 7, 8, 9);

update procrastinate_jobs set status = 'succeeded', attempts = 1
where task_name = 'embed_track' and (args->>'track_id')::bigint in (1, 2, 3, 5, 7, 9);
update procrastinate_jobs set status = 'failed', attempts = 3
where task_name = 'embed_track' and (args->>'track_id')::bigint = 6;

insert into search.job_failures (track_id, task, file_id, reason, permanent, attempts, failed_at)
values (6, 'embed_track', repeat('f6', 32), 'nothing audible', true, 3, '2024-07-02');

update tracks
set extra = jsonb_build_object(
    'genre_predictions', '[{"name": "ambient", "confidence": 0.8}]'::jsonb, 'genre_predictions_file_id', file_id)
where id = 2;
