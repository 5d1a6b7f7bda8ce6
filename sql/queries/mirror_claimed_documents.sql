-- What a namespace should hold of the claimed tracks that have not changed since: in one snapshot, so that a version says the same to
-- whoever reads it. A track without a vector here is not to be there.
select c.track_id, c.version, halfvec_send(d.embedding) as embedding, d.title, d.artist_handle, d.artist_did, d.visibility, d.model
from unnest(cast(:track_ids as bigint[]), cast(:versions as bigint[])) as claimed (track_id, version)
join search.mirror_changes c on c.track_id = claimed.track_id and c.version = claimed.version
left join search.mirror_documents(:namespace, :track_ids) as d on d.track_id = c.track_id
order by c.track_id
