-- Register a model and make it the candidate, in one transaction; returns how many tracks are to be embedded.
select search.request_model(case when registered is not null then :identity end, cast(:coverage as real)) as enqueued
from search.register_model(:name, :identity, :dimensions) as registered
