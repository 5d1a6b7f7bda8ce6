-- The vector of a track that the viewer may find, in the model that serves.
select cast(e.embedding as text) as embedding, m.identity
from tracks t
join search.embeddings e on e.track_id = t.id
join search.models m on m.id = e.model_id and m.serving
where t.id = :track_id
  and (search.is_listed(t.visibility) or search.private_owner(t.visibility, t.artist_did) = :viewer)
