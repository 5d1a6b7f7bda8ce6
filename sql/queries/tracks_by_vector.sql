-- Neighbours of a vector that is no track's, such as a clip's. One row at least comes back, to say whether it was compared.
select asked.available, asked.identity, asked.mirrored, s.similarity, s.near_duplicate, s.details
from (
    select (select m.identity from search.models m where m.serving) as identity,
           exists (
               select from search.models m
               where m.serving and m.identity = :identity
                 -- before the first track is embedded there is nothing to compare with
                 and exists (select from search.embeddings e where e.model_id = m.id))
       and (cast(:everyone as boolean) or search.has_flag(:viewer, 'vibe-search')) as available,
           cast(:candidates as bigint[]) is not null
       and search.mirror_serves(:namespace, cast(:max_lag as interval)) as mirrored
) as asked
left join lateral search.tracks_by_vector(
    case when asked.available then cast(:query_embedding as halfvec) end, :viewer, :limit,
    case when asked.mirrored then cast(:candidates as bigint[]) end
) with ordinality as s on true
order by s.ordinality
