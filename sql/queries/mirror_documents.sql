-- What a namespace should hold: of some tracks, or the first after an id.
select d.track_id, halfvec_send(d.embedding) as embedding, d.title, d.artist_handle, d.artist_did, d.visibility, d.model
from search.mirror_documents(:namespace, cast(:track_ids as bigint[]), cast(:after as bigint), cast(:most as integer)) as d
