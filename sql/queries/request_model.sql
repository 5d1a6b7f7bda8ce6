-- Registers a model and makes it the candidate, in one transaction; how many tracks are to be embedded.
select search.request_model(registered.identity, cast(:coverage as real))
from (
    select m.identity
    from (select search.register_model(:name, :identity, cast(:dimensions as integer)) as id offset 0) made
    join search.models m on m.id = made.id
) registered;
