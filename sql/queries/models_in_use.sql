-- The models that queries and uploads need now: the one that serves, then the candidate.
select m.identity, m.serving
from search.models m
where m.serving or m.candidate
order by m.serving desc
