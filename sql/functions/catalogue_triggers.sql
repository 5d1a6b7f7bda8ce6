-- Statement triggers: one refresh for all the rows that a statement touched, in its own transaction.

create or replace function search.on_tracks_changed() returns trigger
language plpgsql
set search_path = pg_catalog, public, search
as $$
declare
    ids bigint[];
    dids text[];
    albums bigint[];
begin
    if tg_op = 'INSERT' then
        select array_agg(id), array_agg(distinct artist_did), array_agg(distinct album_id) into ids, dids, albums from new_rows;
    elsif tg_op = 'DELETE' then
        select array_agg(id), array_agg(distinct artist_did), array_agg(distinct album_id) into ids, dids, albums from old_rows;
    else
        select array_agg(n.id) into ids
        from new_rows n join old_rows o using (id)
        where (n.title, n.visibility, n.artist_did, n.album_id, n.play_count)
            is distinct from (o.title, o.visibility, o.artist_did, o.album_id, o.play_count);

        select array_agg(distinct moved.artist_did), array_agg(distinct moved.album_id) into dids, albums
        from new_rows n join old_rows o using (id)
        cross join lateral (values (n.artist_did, n.album_id), (o.artist_did, o.album_id)) as moved (artist_did, album_id)
        where (n.visibility, n.artist_did, n.album_id) is distinct from (o.visibility, o.artist_did, o.album_id);

        update search.embeddings e
        set listed = search.is_listed(n.visibility), owner = search.private_owner(n.visibility, n.artist_did)
        from new_rows n join old_rows o using (id)
        where e.track_id = n.id and (n.visibility, n.artist_did) is distinct from (o.visibility, o.artist_did);
    end if;

    if ids is not null then perform search.refresh_tracks(ids); end if;
    if dids is not null then
        perform search.refresh_artists(dids);
        perform search.refresh_albums(array_remove(albums, null));
    end if;
    if dids is not null and tg_op <> 'INSERT' then
        -- a new track has no tags and stands in no playlist yet
        perform search.refresh_tags(array(select distinct tag_id from public.track_tags where track_id = any (ids)));
        perform search.refresh_playlists(array(select distinct playlist_id from public.playlist_tracks where track_id = any (ids)));
    end if;
    return null;
end;
$$;
comment on function search.on_tracks_changed() is 'Keeps the documents of tracks, and of what holds them, equal to the catalogue.';

create or replace function search.on_artists_changed() returns trigger
language plpgsql
set search_path = pg_catalog, public, search
as $$
declare
    renamed text[];
begin
    if tg_op <> 'INSERT' then perform search.refresh_artists(array(select did from old_rows)); end if;
    if tg_op <> 'DELETE' then perform search.refresh_artists(array(select did from new_rows)); end if;
    if tg_op = 'UPDATE' then
        select array_agg(n.did) into renamed
        from new_rows n left join old_rows o using (did)
        where (n.handle, n.display_name) is distinct from (o.handle, o.display_name);
        perform search.refresh_tracks(array(select id from public.tracks where artist_did = any (renamed)));
        perform search.refresh_albums(array(select id from public.albums where artist_did = any (renamed)));
        perform search.refresh_playlists(array(select id from public.playlists where owner_did = any (renamed)));
    end if;
    return null;
end;
$$;
comment on function search.on_artists_changed() is 'Keeps the documents of artists, and of what bears their names, equal to the catalogue.';

create or replace function search.on_albums_changed() returns trigger
language plpgsql
set search_path = pg_catalog, public, search
as $$
begin
    if tg_op <> 'INSERT' then perform search.refresh_albums(array(select id from old_rows)); end if;
    if tg_op <> 'DELETE' then perform search.refresh_albums(array(select id from new_rows)); end if;
    if tg_op = 'UPDATE' then
        perform search.refresh_tracks(array(
            select t.id from public.tracks t join new_rows n on n.id = t.album_id join old_rows o on o.id = n.id
            where n.title is distinct from o.title));
    end if;
    return null;
end;
$$;
comment on function search.on_albums_changed() is 'Keeps the documents of albums equal to the catalogue.';

create or replace function search.on_tags_changed() returns trigger
language plpgsql
set search_path = pg_catalog, public, search
as $$
begin
    if tg_op <> 'INSERT' then perform search.refresh_tags(array(select id from old_rows)); end if;
    if tg_op <> 'DELETE' then perform search.refresh_tags(array(select id from new_rows)); end if;
    if tg_op = 'UPDATE' then
        perform search.refresh_tracks(array(
            select distinct tt.track_id from public.track_tags tt join new_rows n on n.id = tt.tag_id join old_rows o on o.id = n.id
            where n.name is distinct from o.name));
    end if;
    return null;
end;
$$;
comment on function search.on_tags_changed() is 'Keeps the documents of tags equal to the catalogue.';

create or replace function search.on_track_tags_changed() returns trigger
language plpgsql
set search_path = pg_catalog, public, search
as $$
begin
    if tg_op <> 'INSERT' then
        perform search.refresh_tags(array(select distinct tag_id from old_rows));
        perform search.refresh_tracks(array(select distinct track_id from old_rows));
    end if;
    if tg_op <> 'DELETE' then
        perform search.refresh_tags(array(select distinct tag_id from new_rows));
        perform search.refresh_tracks(array(select distinct track_id from new_rows));
    end if;
    return null;
end;
$$;
comment on function search.on_track_tags_changed() is 'Keeps the counts of tags, and the tags in the documents of tracks, equal to the catalogue.';

create or replace function search.on_playlists_changed() returns trigger
language plpgsql
set search_path = pg_catalog, public, search
as $$
begin
    if tg_op <> 'INSERT' then perform search.refresh_playlists(array(select id from old_rows)); end if;
    if tg_op <> 'DELETE' then perform search.refresh_playlists(array(select id from new_rows)); end if;
    return null;
end;
$$;
comment on function search.on_playlists_changed() is 'Keeps the documents of playlists equal to the catalogue.';

create or replace function search.on_playlist_tracks_changed() returns trigger
language plpgsql
set search_path = pg_catalog, public, search
as $$
begin
    if tg_op <> 'INSERT' then perform search.refresh_playlists(array(select distinct playlist_id from old_rows)); end if;
    if tg_op <> 'DELETE' then perform search.refresh_playlists(array(select distinct playlist_id from new_rows)); end if;
    return null;
end;
$$;
comment on function search.on_playlist_tracks_changed() is 'Keeps the counts of playlists equal to the catalogue.';

do $$
declare
    watched text;
begin
    -- a trigger with transition tables may watch only one event, hence three for each table
    foreach watched in array array['tracks', 'artists', 'albums', 'tags', 'track_tags', 'playlists', 'playlist_tracks'] loop
        execute format('create or replace trigger search_insert after insert on public.%I referencing new table as new_rows '
            'for each statement execute function search.%I()', watched, 'on_' || watched || '_changed');
        execute format('create or replace trigger search_update after update on public.%I referencing old table as old_rows new table as new_rows '
            'for each statement execute function search.%I()', watched, 'on_' || watched || '_changed');
        execute format('create or replace trigger search_delete after delete on public.%I referencing old table as old_rows '
            'for each statement execute function search.%I()', watched, 'on_' || watched || '_changed');
    end loop;
end;
$$;
