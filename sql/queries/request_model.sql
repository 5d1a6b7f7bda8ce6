-- Register a model and make it the candidate; how many tracks are to be embedded.
select search.begin_switch(:name, :identity, :dimensions, cast(:coverage as real)) as enqueued
