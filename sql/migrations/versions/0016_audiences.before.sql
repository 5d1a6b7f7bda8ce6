-- column audience of documents
alter table search.documents add column if not exists audience text;
-- index documents_audience_idx
create index concurrently documents_audience_idx on search.documents (audience, popularity desc) where audience is not null;
-- index documents_prefix_idx_next
create index concurrently documents_prefix_idx_next on search.documents (kind, level, normalized) include (popularity, key, field, listed, owner, audience);
-- column audience of embeddings
alter table search.embeddings add column if not exists audience text;
-- index embeddings_{model}_audience_idx
create index concurrently embeddings_{model}_audience_idx on search.embeddings_{model} (audience) where audience is not null;
