-- Vectors of the tracks that are drawn, with where they were: the most played ones, where there are too many for a picture.
select e.track_id, halfvec_send(e.embedding) as embedding, p.x, p.y
from search.embeddings e
join tracks t on t.id = e.track_id
left join search.map_points p on p.track_id = e.track_id
where e.model_id = :model_id and e.listed
order by t.play_count desc, t.id
limit :most
