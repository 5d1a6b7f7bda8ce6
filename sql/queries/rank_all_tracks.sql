-- Every track by similarity, exactly: no index, no limit.
select e.title, 1 - (e.embedding <=> cast(:query_embedding as halfvec)) as similarity
from search.track_embeddings e
order by similarity desc, e.track_id
