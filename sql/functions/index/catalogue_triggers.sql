-- What the triggers of sql/triggers run: one refresh for all the rows that a statement touched, in its own transaction.
-- They run as their owner: whoever may write a row of the catalogue need not know what search keeps beside it.

create or replace function search_internal.on_tracks_changed() returns trigger
language plpgsql security definer
set search_path = pg_catalog, search, pg_temp
set plan_cache_mode = force_generic_plan
as $$
begin
    if tg_op = 'INSERT' then
        perform search_internal.await_renames_around(array(select id from new_rows));
        insert into search.track_count_changes (kind, key, change)
        select 'artist', artist_did, count(*) from new_rows n where search.is_listed(rule.tracks(n)) group by artist_did
        union all
        select 'album', album_id::text, count(*) from new_rows n
        where search.is_listed(rule.tracks(n)) and album_id is not null group by album_id;
        perform search_internal.relist_albums(array(select distinct album_id from new_rows where album_id is not null));
        perform search_internal.refresh_tracks(array(select id from new_rows));
    elsif tg_op = 'DELETE' then
        insert into search.track_count_changes (kind, key, change)
        select 'artist', artist_did, -count(*) from old_rows o where search.is_listed(rule.tracks(o)) group by artist_did
        union all
        select 'album', album_id::text, -count(*) from old_rows o
        where search.is_listed(rule.tracks(o)) and album_id is not null group by album_id;
        perform search_internal.relist_albums(array(select distinct album_id from old_rows where album_id is not null));
        perform search_internal.refresh_tracks(array(select id from old_rows));
    end if;
    return null;
end;
$$;
comment on function search_internal.on_tracks_changed() is 'Keeps the documents of tracks, and of what holds them, equal to the catalogue.';
revoke execute on function search_internal.on_tracks_changed() from public;

create or replace function search_internal.on_tracks_updated() returns trigger
language plpgsql security definer
set search_path = pg_catalog, search, pg_temp
set plan_cache_mode = force_generic_plan
as $$
declare
    renumbered bigint[] := array(select o.id from old_rows o where not exists (select from new_rows n where n.id = o.id));
    -- whose place or visibility changed: seldom any
    moved bigint[] := array(
        select n.id from new_rows n join old_rows o using (id)
        where (rule.tracks(n), n.artist_did, n.album_id) is distinct from (rule.tracks(o), o.artist_did, o.album_id));
begin
    if cardinality(moved) > 0 then
        perform search_internal.await_renames_around(moved);
        update search.embeddings e
        set listed = search.is_listed(rule.tracks(n)), owner = search.private_owner(rule.tracks(n), n.artist_did),
            audience = search_internal.audience(rule.tracks(n))
        from new_rows n join old_rows o using (id)
        where e.track_id = n.id and (rule.tracks(n), n.artist_did) is distinct from (rule.tracks(o), o.artist_did);

        insert into search.track_count_changes (kind, key, change)
        select holder.kind, holder.key, sum(holder.change)
        from (
            select 1 as change, n.artist_did, n.album_id, rule.tracks(n) as visibility from new_rows n where n.id = any (moved)
            union all
            select -1, o.artist_did, o.album_id, rule.tracks(o) from old_rows o where o.id = any (moved)
        ) as row_of
        cross join lateral (
            values ('artist', row_of.artist_did, row_of.change), ('album', row_of.album_id::text, row_of.change)
        ) as holder (kind, key, change)
        where holder.key is not null and search.is_listed(row_of.visibility)
        group by holder.kind, holder.key having sum(holder.change) <> 0;
        perform search_internal.relist_albums(array(
            select album_id from new_rows where id = any (moved) and album_id is not null
            union select album_id from old_rows where id = any (moved) and album_id is not null));
        perform search_internal.on_tracks_hidden_or_shown(
            array(select n.id from new_rows n join old_rows o using (id)
                  where search.is_listed(rule.tracks(n)) and not search.is_listed(rule.tracks(o))),
            array(select n.id from new_rows n join old_rows o using (id)
                  where search.is_listed(rule.tracks(o)) and not search.is_listed(rule.tracks(n))));
    end if;
    if cardinality(renumbered) > 0 then
        perform search_internal.refresh_tracks(renumbered || array(select id from new_rows));
    else
        perform search_internal.refresh_tracks(array(
            select n.id from new_rows n join old_rows o using (id)
            where (n.title, rule.tracks(n), n.artist_did, n.album_id, n.play_count)
                is distinct from (o.title, rule.tracks(o), o.artist_did, o.album_id, o.play_count)));
    end if;
    return null;
end;
$$;
comment on function search_internal.on_tracks_updated() is 'Keeps the documents and vectors of tracks, and of what holds them, equal to the catalogue.';
revoke execute on function search_internal.on_tracks_updated() from public;

create or replace function search_internal.on_tracks_hidden_or_shown(shown bigint[], hidden bigint[]) returns void
language plpgsql
set search_path = pg_catalog, search, pg_temp
set plan_cache_mode = force_generic_plan
as $$
begin
    perform search_internal.change_track_counts(shown, 1);
    perform search_internal.change_track_counts(hidden, -1);
    perform search_internal.relist_tags(array(
        select distinct tag_id from public.track_tags where track_id = any (shown || hidden)));
end;
$$;
comment on function search_internal.on_tracks_hidden_or_shown(bigint[], bigint[]) is
    'Counts and lists the tags and playlists of tracks that became listed or ceased to be.';

create or replace function search_internal.on_track_deleted() returns trigger
language plpgsql security definer
set search_path = pg_catalog, search, pg_temp
set plan_cache_mode = force_generic_plan
as $$
begin
    -- before any name of a track is locked: after that, its rows are gone that say which these are, and hiding them would be too late
    perform search_internal.await_renames_around(array[old.id]);
    if search.is_listed(rule.tracks(old)) then
        perform search_internal.change_track_counts(array[old.id], -1);
    end if;
    return old;
end;
$$;
comment on function search_internal.on_track_deleted() is
    'Counts a track out of its tags and playlists while the rows that say which are still there.';
revoke execute on function search_internal.on_track_deleted() from public;

create or replace function search_internal.on_album_deleted() returns trigger
language plpgsql security definer
set search_path = pg_catalog, search, pg_temp
as $$
begin
    -- its tracks stay and take over the artist's name again: artists come before albums
    perform search_internal.await_renames('artist', array[old.artist_did::text]);
    return old;
end;
$$;
comment on function search_internal.on_album_deleted() is 'Keeps the order of locks where an album goes and its tracks stay.';
revoke execute on function search_internal.on_album_deleted() from public;

create or replace function search_internal.on_artists_changed() returns trigger
language plpgsql security definer
set search_path = pg_catalog, search, pg_temp
set plan_cache_mode = force_generic_plan
as $$
declare
    renamed text[];
begin
    if tg_op <> 'INSERT' then perform search_internal.refresh_artists(array(select did from old_rows)); end if;
    if tg_op <> 'DELETE' then perform search_internal.refresh_artists(array(select did from new_rows)); end if;
    if tg_op = 'UPDATE' then
        select array_agg(n.did) into renamed
        from new_rows n left join old_rows o using (did)
        where (n.handle, n.display_name) is distinct from (o.handle, o.display_name);
        perform search_internal.refresh_albums(array(select id from public.albums where artist_did = any (renamed)));
        perform search_internal.refresh_playlists(array(select id from public.playlists where owner_did = any (renamed)));
        perform search_internal.refresh_tracks(array(select id from public.tracks where artist_did = any (renamed)));
    end if;
    return null;
end;
$$;
comment on function search_internal.on_artists_changed() is 'Keeps the documents of artists, and of what bears their names, equal to the catalogue.';
revoke execute on function search_internal.on_artists_changed() from public;

create or replace function search_internal.on_albums_changed() returns trigger
language plpgsql security definer
set search_path = pg_catalog, search, pg_temp
set plan_cache_mode = force_generic_plan
as $$
begin
    if tg_op <> 'DELETE' then
        perform search_internal.await_renames('artist', array(select distinct artist_did::text from new_rows));
        perform search_internal.refresh_albums(array(select id from new_rows));
    end if;
    if tg_op <> 'INSERT' then perform search_internal.refresh_albums(array(select id from old_rows)); end if;
    if tg_op = 'UPDATE' then
        perform search_internal.refresh_tracks(array(
            select t.id from public.tracks t join new_rows n on n.id = t.album_id join old_rows o on o.id = n.id
            where n.title is distinct from o.title));
    end if;
    return null;
end;
$$;
comment on function search_internal.on_albums_changed() is 'Keeps the documents of albums equal to the catalogue.';
revoke execute on function search_internal.on_albums_changed() from public;

create or replace function search_internal.on_tags_changed() returns trigger
language plpgsql security definer
set search_path = pg_catalog, search, pg_temp
set plan_cache_mode = force_generic_plan
as $$
begin
    if tg_op <> 'INSERT' then perform search_internal.refresh_tags(array(select id from old_rows)); end if;
    if tg_op <> 'DELETE' then perform search_internal.refresh_tags(array(select id from new_rows)); end if;
    if tg_op = 'UPDATE' then
        perform search_internal.refresh_tracks(array(
            select distinct tt.track_id from public.track_tags tt join new_rows n on n.id = tt.tag_id join old_rows o on o.id = n.id
            where n.name is distinct from o.name));
    end if;
    return null;
end;
$$;
comment on function search_internal.on_tags_changed() is 'Keeps the documents of tags equal to the catalogue.';
revoke execute on function search_internal.on_tags_changed() from public;

create or replace function search_internal.on_track_tags_changed() returns trigger
language plpgsql security definer
set search_path = pg_catalog, search, pg_temp
set plan_cache_mode = force_generic_plan
as $$
begin
    -- whether a track counts is asked of its document; one that is being deleted has none any more and was counted out before
    if tg_op <> 'INSERT' then
        insert into search.track_count_changes (kind, key, change)
        select 'tag', o.tag_id::text, -count(*)
        from old_rows o join search.documents d on d.kind = 'track' and d.key = o.track_id::text and d.listed
        group by o.tag_id;
        perform search_internal.relist_tags(array(select distinct tag_id from old_rows));
        perform search_internal.refresh_tracks(array(select distinct track_id from old_rows));
    end if;
    if tg_op <> 'DELETE' then
        insert into search.track_count_changes (kind, key, change)
        select 'tag', n.tag_id::text, count(*)
        from new_rows n join search.documents d on d.kind = 'track' and d.key = n.track_id::text and d.listed
        group by n.tag_id;
        perform search_internal.await_renames('tag', array(select distinct tag_id::text from new_rows));
        perform search_internal.relist_tags(array(select distinct tag_id from new_rows));
        perform search_internal.refresh_tracks(array(select distinct track_id from new_rows));
    end if;
    return null;
end;
$$;
comment on function search_internal.on_track_tags_changed() is 'Keeps the counts of tags, and the tags in the documents of tracks, equal to the catalogue.';
revoke execute on function search_internal.on_track_tags_changed() from public;

create or replace function search_internal.on_playlists_changed() returns trigger
language plpgsql security definer
set search_path = pg_catalog, search, pg_temp
set plan_cache_mode = force_generic_plan
as $$
begin
    if tg_op <> 'INSERT' then perform search_internal.refresh_playlists(array(select id from old_rows)); end if;
    if tg_op <> 'DELETE' then
        perform search_internal.await_renames('artist', array(select distinct owner_did::text from new_rows));
        perform search_internal.refresh_playlists(array(select id from new_rows));
    end if;
    return null;
end;
$$;
comment on function search_internal.on_playlists_changed() is 'Keeps the documents of playlists equal to the catalogue.';
revoke execute on function search_internal.on_playlists_changed() from public;

create or replace function search_internal.on_playlist_tracks_changed() returns trigger
language plpgsql security definer
set search_path = pg_catalog, search, pg_temp
set plan_cache_mode = force_generic_plan
as $$
begin
    if tg_op <> 'INSERT' then
        insert into search.track_count_changes (kind, key, change)
        select 'playlist', o.playlist_id::text, -count(*)
        from old_rows o join search.documents d on d.kind = 'track' and d.key = o.track_id::text and d.listed
        group by o.playlist_id having search_internal.own_track_count(o.playlist_id::text) is null;
    end if;
    if tg_op <> 'DELETE' then
        insert into search.track_count_changes (kind, key, change)
        select 'playlist', n.playlist_id::text, count(*)
        from new_rows n join search.documents d on d.kind = 'track' and d.key = n.track_id::text and d.listed
        group by n.playlist_id having search_internal.own_track_count(n.playlist_id::text) is null;
    end if;
    return null;
end;
$$;
comment on function search_internal.on_playlist_tracks_changed() is 'Keeps the counts of playlists equal to the catalogue.';
revoke execute on function search_internal.on_playlist_tracks_changed() from public;
