-- Every model that has a store, the serving one before the candidate before those that have retired.
select m.identity, m.name, m.dimensions, m.serving, m.candidate, m.coverage_wanted, m.requested_at, m.served_at, m.retired_at,
       c.tracks, c.embedded, c.undecodable, c.failed, c.coverage
from search.models m
cross join lateral search.model_coverage(m.identity) c
order by m.serving desc, m.candidate desc, m.retired_at desc nulls last, m.id
