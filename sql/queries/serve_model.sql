-- Serve a model at once; returns how many tracks must be embedded anew.
select case when m.serving then 0 else (
    select search.enqueue_missing_embeddings() from (select search.serve_model(m.identity)) as served
) end as enqueued
from search.models m
where m.identity = :identity
