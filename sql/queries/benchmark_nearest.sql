-- The inner query of search.nearest_tracks for a viewer who is not signed in. Partition and dimensions are put in as text.
select e.track_id
from search.<partition> e
where e.listed
order by e.embedding::halfvec(<dimensions>) <=> %s::halfvec(<dimensions>)
limit 20
