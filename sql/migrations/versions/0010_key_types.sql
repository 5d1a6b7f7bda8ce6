-- What albums and playlists are known by is a number here, and in an adopted catalogue what the application made it.

do $$
begin
    -- an adopted catalogue has said which already
    if to_regtype('search.album_id') is null then
        create domain search.album_id as bigint;
    end if;
    if to_regtype('search.playlist_id') is null then
        create domain search.playlist_id as bigint;
    end if;
    -- there it is made without keeping anybody from writing
    if to_regclass('search.vibe_search_version') is null then
        create index if not exists search_tags_lower_idx on tags (lower(name));
    end if;
end;
$$;
comment on domain search.album_id is 'The type of albums.id: bigint, or what an adopted catalogue uses.';
comment on domain search.playlist_id is 'The type of playlists.id: bigint, or what an adopted catalogue uses.';

-- They take keys of those types by now.
drop function if exists search.refresh_albums(bigint[]);
drop function if exists search.albums_seen(bigint[]);
drop function if exists search.relist_albums(bigint[]);
drop function if exists search.refresh_playlists(bigint[]);
