create or replace view search.track_embeddings as
select e.track_id, t.title, a.handle as artist_handle, m.name as model, m.identity as model_identity,
       e.file_id, e.embedding, e.embedded_at
from search.embeddings e
join search.models m on m.id = e.model_id and m.serving
join tracks t on t.id = e.track_id
join artists a on a.did = t.artist_did;
comment on view search.track_embeddings is 'The vector of each track in the model that serves.';
