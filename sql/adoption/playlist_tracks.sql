create table if not exists search.playlist_tracks (
    playlist_id search.playlist_id not null references playlists (id) on delete cascade,
    position integer not null,
    track_id bigint not null references tracks (id) on delete cascade,
    primary key (playlist_id, position)
);
create index if not exists playlist_tracks_track_id_idx on search.playlist_tracks (track_id);
comment on table search.playlist_tracks is
    'The tracks of a playlist, in order, which the adopted catalogue does not keep here. Whoever knows them may write them.';
