select u.type, u.tier, u.matched, u.relevance, u.similarity, u.details
from search.unified(:q, cast(:query_embedding as halfvec), :viewer, cast(:types as text[]), :max_per_type) u
