-- A vector is compared only while the model that made it serves. One row at least comes back, to say whether it did.
select serving.comparable, u.type, u.tier, u.matched, u.relevance, u.similarity, u.details
from (
    select exists (select from search.models m where m.serving and m.identity = :identity) as comparable
) as serving
left join lateral search.unified(
    :q, case when serving.comparable then cast(:query_embedding as halfvec) end, :viewer, cast(:types as text[]), :max_per_type
) as u on true
