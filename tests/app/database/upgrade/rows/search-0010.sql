-- What search has beside the catalogue of another application.

insert into search.embeddings (track_id, model_id, file_id, embedding, listed, owner, embedded_at)
select t.id, m.id, t.file_id,
       (select array_agg(case n when t.id then 0.9 when t.id + 1 then sqrt(0.19) else 0 end order by n)
        from generate_series(1, m.dimensions) as n)::real[]::halfvec,
       t.visibility in ('public', 'supporters'), case when t.visibility = 'private' then t.artist_did end, '2024-07-01'
from public.tracks t, search.models m
where m.serving and t.id in (1, 2, 3);

update search.procrastinate_jobs set status = 'succeeded', attempts = 1
where task_name = 'embed_track' and (args->>'track_id')::bigint in (1, 2);

insert into search.tokens (id, did, label, hash, scopes, created_at)
values ('0123456789ab', 'did:plc:anna', 'phone', sha256('first'), '{read}', '2024-09-01');
insert into search.map_points (track_id, x, y) values (1, 0.25, 0.5);
