create or replace view search.embedding_coverage as
select m.identity, m.dimensions,
       case when m.serving then 'serving' when m.candidate then 'candidate' else 'retired' end as role,
       c.tracks, c.embedded, c.undecodable, c.failed,
       c.tracks - c.embedded - c.undecodable - c.failed as waiting, c.coverage
from search.models m
cross join lateral search.model_coverage(m.identity) as c
order by m.serving desc, m.candidate desc, m.id;
comment on view search.embedding_coverage is
    'How far each model''s store is filled: one row a model. Reads all tracks once for each.
Example: select identity, role, embedded, tracks, coverage from search.embedding_coverage';
comment on column search.embedding_coverage.identity is 'The model.';
comment on column search.embedding_coverage.dimensions is 'Length of its vectors.';
comment on column search.embedding_coverage.role is 'serving, candidate or retired.';
comment on column search.embedding_coverage.tracks is 'Tracks of the catalogue.';
comment on column search.embedding_coverage.embedded is 'Tracks with a vector of their present audio.';
comment on column search.embedding_coverage.undecodable is 'Tracks whose audio cannot be decoded.';
comment on column search.embedding_coverage.failed is 'Tracks whose last attempt failed for another reason.';
comment on column search.embedding_coverage.waiting is 'Tracks that are not yet done.';
comment on column search.embedding_coverage.coverage is 'Share embedded of the tracks that can be decoded, 0 to 1.';
