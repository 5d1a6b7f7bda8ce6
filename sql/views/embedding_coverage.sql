create or replace view search.embedding_coverage as
select m.identity, m.dimensions,
       case when m.serving then 'serving' when m.candidate then 'candidate' else 'retired' end as role,
       c.tracks, c.embedded, c.undecodable, c.failed,
       c.tracks - c.embedded - c.undecodable - c.failed as waiting, c.coverage
from search.models m
cross join lateral search.model_coverage(m.identity) as c
order by m.serving desc, m.candidate desc, m.id;
comment on view search.embedding_coverage is
    'How far each model''s store is filled: one row a model. Reads all tracks once for each.';
