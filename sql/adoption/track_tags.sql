create table if not exists search.track_tags (
    track_id bigint not null references tracks (id) on delete cascade,
    tag_id bigint not null references tags (id) on delete cascade,
    primary key (track_id, tag_id)
);
create index if not exists track_tags_tag_id_idx on search.track_tags (tag_id, track_id);
comment on table search.track_tags is 'Which track carries which tag, which the adopted catalogue does not know.';
