-- What the vector store answers: ids and distances, nothing that could be shown.
select n.track_id, 1 - n.similarity as distance
from search.nearest_tracks(cast(:query_embedding as halfvec), null, :limit) n
