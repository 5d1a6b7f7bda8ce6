-- The signals of one track among the results of a search, the best first. One row at least comes back, to say whether sounds were compared.
select serving.comparable, e.rank, e.tier, e.signal, e.signal_tier, e.signal_rank, e.value, e.confidence
from (
    select exists (
               select from search.models m
               where m.serving and m.identity = :identity
                 and exists (select from search.embeddings v where v.model_id = m.id))
       and (cast(:everyone as boolean) or search.has_flag(:viewer, 'vibe-search')) as comparable
) as serving
left join lateral search.explain(
    :q, case when serving.comparable then cast(:query_embedding as halfvec) end, :viewer, cast(:types as text[]), :max_per_type,
    :audibility, :min_confidence
) with ordinality as e on e.type = 'track' and e.key = :key
order by e.ordinality
