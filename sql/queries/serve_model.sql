-- Register a model and let it serve at once; how many tracks are to be embedded.
select search.switch_now(:name, :identity, :dimensions) as enqueued
