create or replace view search.track_embeddings as
select e.track_id, t.title, a.handle as artist_handle, m.name as model, m.identity as model_identity,
       e.file_id, e.embedding, e.embedded_at
from search.embeddings e
join search.models m on m.id = e.model_id and m.serving
join public.tracks t on t.id = e.track_id
join public.artists a on a.did = t.artist_did;
comment on view search.track_embeddings is 'The vector of each track in the model that serves.
Example: select track_id, title, embedding from search.track_embeddings limit 10';
comment on column search.track_embeddings.track_id is 'The track.';
comment on column search.track_embeddings.title is 'Its title.';
comment on column search.track_embeddings.artist_handle is 'Its artist.';
comment on column search.track_embeddings.model is 'Name of the serving model.';
comment on column search.track_embeddings.model_identity is 'Identity of the serving model.';
comment on column search.track_embeddings.file_id is 'The audio that was embedded.';
comment on column search.track_embeddings.embedding is 'The vector, of length 1.';
comment on column search.track_embeddings.embedded_at is 'When it was stored.';
