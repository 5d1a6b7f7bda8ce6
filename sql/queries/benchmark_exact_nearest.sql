-- The nearest listed tracks of the serving model by reading them all. The order is by distance alone, in full.
select e.track_id
from search.embeddings e
where e.listed and e.model_id = (select id from search.models where serving)
order by e.embedding <=> :vector ::halfvec, e.track_id
limit 20
