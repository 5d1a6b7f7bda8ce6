-- A vector is compared only while the model that made it serves, and for viewers who may have results by sound.
-- One row at least comes back, to say whether it was.
select serving.comparable, serving.identity, serving.mirrored, u.type, u.tier, u.matched, u.relevance, u.similarity, u.confidence, u.details
from (
    select (select m.identity from search.models m where m.serving) as identity,
           exists (
               select from search.models m
               where m.serving and m.identity = :identity
                 -- before the first track is embedded there is nothing to compare with
                 and exists (select from search.embeddings e where e.model_id = m.id))
       and (cast(:everyone as boolean) or search.has_flag(:viewer, 'vibe-search')) as comparable,
           cast(:candidates as bigint[]) is not null
       and search.mirror_serves(:namespace, cast(:max_lag as interval)) as mirrored
) as serving
left join lateral search.unified(
    :q, case when serving.comparable then cast(:query_embedding as halfvec) end, :viewer, cast(:types as text[]), :max_per_type,
    :audibility, :min_confidence, case when serving.mirrored then cast(:candidates as bigint[]) end
) as u on true
