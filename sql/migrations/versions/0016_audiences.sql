-- Rows that a group of viewers may find, beside their owner.

alter table search.documents add column if not exists audience text;
comment on column search.documents.audience is 'The group that may find the row beside its owner, as search_internal.finders names it; null for no group.';
create index if not exists documents_audience_idx on search.documents (audience, popularity desc) where audience is not null;
-- it returns other columns now
drop function if exists search_internal.albums_seen(search.album_id[]);

-- made again with the new column among those that it includes
drop index if exists search.documents_prefix_idx;

alter table search.embeddings add column if not exists audience text;
comment on column search.embeddings.audience is 'As in search.documents.';

do $$
declare
    found smallint;
begin
    for found in select id from search.models order by id loop
        execute format(
            'create index if not exists embeddings_%1$s_audience_idx on search.embeddings_%1$s (audience) where audience is not null', found);
    end loop;
end;
$$;
