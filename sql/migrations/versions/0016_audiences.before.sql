-- column audience
alter table search.documents add column if not exists audience text;
-- index documents_prefix_idx_next
create index concurrently documents_prefix_idx_next on search.documents (kind, level, normalized) include (popularity, key, field, listed, owner, audience);
