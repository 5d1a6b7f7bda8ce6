-- Indexes over the vectors of the serving model, and the statements that make them.
select i.indexname, i.indexdef
from pg_indexes i
join search.models m on m.serving and i.tablename = format('embeddings_%s', m.id)
where i.schemaname = 'search' and i.indexdef like '% USING hnsw %'
