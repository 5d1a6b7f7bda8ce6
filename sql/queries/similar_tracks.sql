-- Neighbours of a track. No row: the viewer may not find it. One row without details: it has no neighbours, or no vector.
select source.available, source.mirrored, s.similarity, s.near_duplicate, s.details
from (
    select t.id,
           exists (
               select from search.embeddings e join search.models m on m.id = e.model_id and m.serving
               where e.track_id = t.id)
           and (cast(:everyone as boolean) or search.has_flag(:viewer, 'vibe-search')) as available,
           cast(:candidates as bigint[]) is not null
           and search.mirror_serves(:namespace, cast(:max_lag as interval)) as mirrored
    from tracks t
    where t.id = :track_id
      and (search.is_listed(t.visibility) or search.private_owner(t.visibility, t.artist_did) = :viewer)
) as source
left join lateral search.similar_tracks(
    case when source.available then source.id end, :viewer, :limit,
    case when source.mirrored then cast(:candidates as bigint[]) end
) with ordinality as s on true
order by s.ordinality
