-- The catalogue is there, so the first migration, which makes one, is over.
create table if not exists search.vibe_search_version (
    version_num varchar(32) primary key
);
insert into search.vibe_search_version (version_num)
select '0001' where not exists (select from search.vibe_search_version);
