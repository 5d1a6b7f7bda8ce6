-- Vectors of the tracks that a query names, as far as the viewer may find them; null for one that is not embedded yet.
select t.id, cast(e.embedding as text) as embedding
from tracks t
left join (search.embeddings e join search.models m on m.id = e.model_id and m.identity = :identity) on e.track_id = t.id
where t.id = any (cast(:track_ids as bigint[]))
  and (search.is_listed(t.visibility) or search.private_owner(t.visibility, t.artist_did) = :viewer)
