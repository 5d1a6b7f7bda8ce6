-- How many documents a mirror of the serving model should hold.
select count(*)
from search.embeddings e
join search.models m on m.id = e.model_id and m.serving
where e.listed
