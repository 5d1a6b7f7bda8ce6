-- The places of some tracks when every track is ranked by similarity, exactly: no index, no limit.
select ranked.track_id, ranked.place, ranked.candidates
from (
    select e.track_id,
           row_number() over (order by e.embedding <=> cast(:query_embedding as halfvec), e.track_id) as place,
           count(*) over () as candidates
    from search.track_embeddings e
) as ranked
where ranked.track_id = any (:track_ids)
