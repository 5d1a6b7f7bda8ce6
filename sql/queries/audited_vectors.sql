-- Of which audio the vectors in the serving model are.
select e.track_id, e.file_id
from search.embeddings e
join search.models m on m.id = e.model_id and m.serving
