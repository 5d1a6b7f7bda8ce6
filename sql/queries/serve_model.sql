-- Serve a model at once, filled or not; returns how many tracks are to be embedded by it.
select search.enqueue_missing_embeddings(:identity) as enqueued
from search.register_model(:name, :identity, :dimensions) as registered
cross join lateral search.serve_model(case when registered is not null then :identity end) as served
