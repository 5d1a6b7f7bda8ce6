-- Each function makes search.documents equal to the catalogue for the given keys, and is safe to call at any time.
-- Documents are locked before the catalogue is read, so that of two transactions the one that writes later has seen what the
-- other wrote. They are locked and written in one order: artists, albums, tags, playlists, tracks, and by their keys, so that
-- two transactions wait for each other instead of deadlocking.
-- Plans are generic: for one track, planning anew would take three times as long as the work.

create or replace function search_internal.lock_documents(kind text, keys text[]) returns void
language plpgsql
set search_path = pg_catalog, search, pg_temp
set plan_cache_mode = force_generic_plan
-- a plan made while the tables were small must not scan them once they are large
set enable_seqscan = off
as $$
begin
    perform from search.documents d
    where d.kind = lock_documents.kind and d.key = any (keys) order by d.key, d.field for update;
end;
$$;
comment on function search_internal.lock_documents(text, text[]) is 'Wait for whoever is writing these documents, and keep others from it until the end.';

create or replace function search_internal.await_renames(kind text, keys text[]) returns void
language plpgsql
set search_path = pg_catalog, search, pg_temp
set plan_cache_mode = force_generic_plan
set enable_seqscan = off
as $$
begin
    -- counting and listing do not conflict with this, and many may hold it: uploads of an artist do not wait for each other
    perform from search.documents d
    where d.kind = await_renames.kind and d.key = any (keys) order by d.key, d.field for key share;
end;
$$;
comment on function search_internal.await_renames(text, text[]) is
    'Wait for whoever is giving these entities another name, and keep others from it until the end: what is about to take their names '
    'into its document would miss the new one.';

create or replace function search_internal.await_renames_around(track_ids bigint[]) returns void
language plpgsql
set search_path = pg_catalog, search, pg_temp
set plan_cache_mode = force_generic_plan
set enable_seqscan = off
as $$
begin
    perform search_internal.await_renames('artist', array(select distinct t.artist_did::text from public.tracks t where t.id = any (track_ids)));
    perform search_internal.await_renames(
        'album', array(select distinct t.album_id::text from public.tracks t where t.id = any (track_ids) and t.album_id is not null));
    perform search_internal.await_renames('tag', array(select distinct tt.tag_id::text from public.track_tags tt where tt.track_id = any (track_ids)));
end;
$$;
comment on function search_internal.await_renames_around(bigint[]) is 'As search_internal.await_renames, for the artists, albums and tags of tracks.';

create or replace function search_internal.refresh_tracks(track_ids bigint[]) returns void
language plpgsql
set search_path = pg_catalog, search, pg_temp
set plan_cache_mode = force_generic_plan
-- a plan made while the tables were small must not scan them once they are large
set enable_seqscan = off
as $$
begin
    perform search_internal.lock_documents('track', track_ids::text[]);
    delete from search.documents d
    where d.kind = 'track' and d.key = any (track_ids::text[])
      and not exists (
          select from public.tracks t
          where t.id = d.key::bigint and search_internal.is_findable(t.visibility)
      );

    insert into search.documents as d (kind, key, field, label, normalized, context, popularity, listed, owner, audience)
    -- Normalising is most of the work: what stands normalised in a document already is taken from there. Each is looked up by
    -- itself: a join that was planned while there were few documents would read all of them.
    select 'track', t.id::text, 'title', t.title,
           coalesce((
               select d.normalized from search.documents d
               where d.kind = 'track' and d.key = t.id::text and d.field = 'title' and d.label = t.title),
               search.normalize_text(t.title)),
           concat_ws(' ',
               coalesce((
                   select d.normalized from search.documents d
                   where d.kind = 'artist' and d.key = t.artist_did and d.field = 'display_name'),
                   search.normalize_text(a.display_name)),
               coalesce((
                   select d.normalized from search.documents d
                   where d.kind = 'artist' and d.key = t.artist_did and d.field = 'handle'),
                   search.normalize_text(a.handle)),
               coalesce((
                   select d.normalized from search.documents d
                   where d.kind = 'album' and d.key = t.album_id::text and d.field = 'title'),
                   search.normalize_text(b.title)),
               tagged.names, tagged.ids),
           ln(1 + t.play_count),
           search.is_listed(t.visibility), search.private_owner(t.visibility, t.artist_did), search_internal.audience(t.visibility)
    from public.tracks t
    join public.artists a on a.did = t.artist_did
    left join public.albums b on b.id = t.album_id
    cross join lateral (
        -- tags by name, to be typed, and by id, to be exact: normalised text has no number sign
        select string_agg(coalesce((
                   select d.normalized from search.documents d
                   where d.kind = 'tag' and d.key = g.id::text and d.field = 'name'),
                   search.normalize_text(g.name)), ' ' order by g.id) as names,
               string_agg('#' || g.id, ' ' order by g.id) as ids
        from public.track_tags tt
        join public.tags g on g.id = tt.tag_id
        where tt.track_id = t.id
    ) as tagged
    where t.id = any (track_ids) and search_internal.is_findable(t.visibility)
    order by t.id
    on conflict (kind, key, field) do update
    set label = excluded.label, normalized = excluded.normalized, context = excluded.context,
        popularity = excluded.popularity, listed = excluded.listed, owner = excluded.owner, audience = excluded.audience
    where (d.label, d.context, d.popularity, d.listed, d.owner, d.audience)
        is distinct from (excluded.label, excluded.context, excluded.popularity, excluded.listed, excluded.owner, excluded.audience);
end;
$$;
comment on function search_internal.refresh_tracks(bigint[]) is 'Rebuild the documents of these tracks.';

create or replace function search_internal.refresh_artists(dids text[]) returns void
language plpgsql
set search_path = pg_catalog, search, pg_temp
set plan_cache_mode = force_generic_plan
as $$
begin
    perform search_internal.lock_documents('artist', dids);
    delete from search.documents d
    where d.kind = 'artist' and d.key = any (dids)
      and not exists (select from public.artists a where a.did = d.key);

    insert into search.documents as d (kind, key, field, label, normalized, popularity, track_count, listed, owner, audience)
    select 'artist', a.did, name.field, name.label, search.normalize_text(name.label), ln(1 + held.listed), held.listed,
           search.is_listed(rule.artists(a)), search.private_owner(rule.artists(a), a.did),
           search_internal.audience(rule.artists(a))
    from search_internal.count_tracks('artist', dids) as held
    join public.artists a on a.did = held.key
    cross join lateral (values ('handle', a.handle), ('display_name', a.display_name)) as name (field, label)
    order by a.did, name.field
    on conflict (kind, key, field) do update
    set label = excluded.label, normalized = excluded.normalized, listed = excluded.listed, owner = excluded.owner,
        audience = excluded.audience
    where (d.label, d.listed, d.owner, d.audience)
        is distinct from (excluded.label, excluded.listed, excluded.owner, excluded.audience);
end;
$$;
comment on function search_internal.refresh_artists(text[]) is 'Rebuild the documents of these artists: one for the handle, one for the display name.';

create or replace function search_internal.refresh_albums(album_ids search.album_id[]) returns void
language plpgsql
set search_path = pg_catalog, search, pg_temp
set plan_cache_mode = force_generic_plan
as $$
begin
    perform search_internal.lock_documents('album', album_ids::text[]);
    delete from search.documents d
    where d.kind = 'album' and d.key = any (album_ids::text[])
      and not exists (select from public.albums a where a.id = d.key::search.album_id);

    insert into search.documents as d (kind, key, field, label, normalized, context, popularity, track_count, listed, owner, audience)
    select 'album', a.id::text, 'title', a.title, search.normalize_text(a.title),
           search.normalize_text(concat_ws(' ', artist.display_name, artist.handle)),
           ln(1 + held.listed), held.listed, seen.listed, seen.owner, seen.audience
    from search_internal.count_tracks('album', album_ids::text[]) as held
    join public.albums a on a.id = held.key::search.album_id
    join public.artists artist on artist.did = a.artist_did
    join search_internal.albums_seen(album_ids) as seen on seen.album_id = a.id
    order by a.id
    on conflict (kind, key, field) do update
    set label = excluded.label, normalized = excluded.normalized, context = excluded.context,
        listed = excluded.listed, owner = excluded.owner, audience = excluded.audience
    where (d.label, d.context, d.listed, d.owner, d.audience)
        is distinct from (excluded.label, excluded.context, excluded.listed, excluded.owner, excluded.audience);
end;
$$;
comment on function search_internal.refresh_albums(search.album_id[]) is 'Rebuild the documents of these albums.';

create or replace function search_internal.albums_seen(album_ids search.album_id[]) returns table (album_id search.album_id, listed boolean, owner text, audience text)
language plpgsql stable strict parallel safe
set search_path = pg_catalog, search, pg_temp
set plan_cache_mode = force_generic_plan
as $$
begin
    return query
    select a.id::search.album_id, seen.by_all,
           case when not seen.by_all and (search.private_owner(rule.albums(a), a.artist_did) is not null or exists (
               select from public.tracks t
               where t.album_id = a.id and search.private_owner(t.visibility, t.artist_did) is not null
           )) and search_internal.is_findable(rule.albums(a)) then a.artist_did::text end,
           -- of several groups one: each album is found by too few rather than by too many
           case when not seen.by_all and search_internal.is_findable(rule.albums(a)) then coalesce(
               search_internal.audience(rule.albums(a)),
               case when search.is_listed(rule.albums(a)) then (
                   select min(search_internal.audience(t.visibility)) from public.tracks t where t.album_id = a.id) end) end
    from public.albums a
    cross join lateral (
        select search.is_listed(rule.albums(a))
           and exists (select from public.tracks t where t.album_id = a.id and search.is_listed(t.visibility))
    ) as seen (by_all)
    where a.id = any (album_ids);
end;
$$;
comment on function search_internal.albums_seen(search.album_id[]) is
    'Who may find an album: all when it holds a listed track, else its artist when it holds a private one, and the group that may find one of its tracks.';

create or replace function search_internal.relist_albums(album_ids search.album_id[]) returns void
language plpgsql
set search_path = pg_catalog, search, pg_temp
set plan_cache_mode = force_generic_plan
as $$
begin
    -- a document that stays as it is is not locked: two uploads to one album do not wait for each other
    update search.documents d
    set listed = seen.listed, owner = seen.owner, audience = seen.audience
    from search_internal.albums_seen(album_ids) as seen
    where d.kind = 'album' and d.key = seen.album_id::text and d.field = 'title'
      and (d.listed, d.owner, d.audience) is distinct from (seen.listed, seen.owner, seen.audience);
end;
$$;
comment on function search_internal.relist_albums(search.album_id[]) is 'List or hide these albums after a change of their tracks.';

create or replace function search_internal.refresh_tags(tag_ids bigint[]) returns void
language plpgsql
set search_path = pg_catalog, search, pg_temp
set plan_cache_mode = force_generic_plan
as $$
begin
    perform search_internal.lock_documents('tag', tag_ids::text[]);
    delete from search.documents d
    where d.kind = 'tag' and d.key = any (tag_ids::text[])
      and not exists (select from public.tags g where g.id = d.key::bigint);

    insert into search.documents as d (kind, key, field, label, normalized, popularity, track_count, listed)
    select 'tag', g.id::text, 'name', g.name, search.normalize_text(g.name), ln(1 + held.listed), held.listed, held.listed > 0 and search.is_listed(rule.tags(g))
    from search_internal.count_tracks('tag', tag_ids::text[]) as held
    join public.tags g on g.id = held.key::bigint
    order by g.id
    on conflict (kind, key, field) do update
    set label = excluded.label, normalized = excluded.normalized
    where d.label is distinct from excluded.label;
    -- a rule may hide a tag whose name stays
    perform search_internal.relist_tags(tag_ids);
end;
$$;
comment on function search_internal.refresh_tags(bigint[]) is 'Rebuild the documents of these tags.';

create or replace function search_internal.relist_tags(tag_ids bigint[]) returns void
language plpgsql
set search_path = pg_catalog, search, pg_temp
set plan_cache_mode = force_generic_plan
as $$
begin
    with changed as (
        select d.key, seen.listed
        from search.documents d
        cross join lateral (
            select exists (
                select from public.track_tags tt
                join public.tracks t on t.id = tt.track_id
                join public.tags g on g.id = tt.tag_id
                where tt.tag_id = d.key::bigint and search.is_listed(t.visibility) and search.is_listed(rule.tags(g)))
        ) as seen (listed)
        where d.kind = 'tag' and d.key = any (tag_ids::text[]) and d.field = 'name' and d.listed <> seen.listed
        order by d.key for no key update of d
    )
    update search.documents d set listed = c.listed
    from changed c where d.kind = 'tag' and d.key = c.key and d.field = 'name';
end;
$$;
comment on function search_internal.relist_tags(bigint[]) is
    'List or hide these tags after a change of their tracks. A tag that only private or unlisted tracks carry is found by nobody.';

create or replace function search_internal.refresh_playlists(playlist_ids search.playlist_id[]) returns void
language plpgsql
set search_path = pg_catalog, search, pg_temp
set plan_cache_mode = force_generic_plan
as $$
begin
    perform search_internal.lock_documents('playlist', playlist_ids::text[]);
    delete from search.documents d
    where d.kind = 'playlist' and d.key = any (playlist_ids::text[])
      and not exists (
          select from public.playlists p
          where p.id = d.key::search.playlist_id and search_internal.is_findable(p.visibility)
      );

    insert into search.documents as d (kind, key, field, label, normalized, context, popularity, track_count, listed, owner, audience)
    select 'playlist', p.id::text, 'name', p.name, search.normalize_text(p.name),
           search.normalize_text(concat_ws(' ', a.display_name, a.handle)), ln(1 + held.listed), held.listed,
           search.is_listed(p.visibility), search.private_owner(p.visibility, p.owner_did), search_internal.audience(p.visibility)
    from search_internal.count_tracks('playlist', playlist_ids::text[]) as held
    join public.playlists p on p.id = held.key::search.playlist_id
    join public.artists a on a.did = p.owner_did
    where search_internal.is_findable(p.visibility)
    order by p.id
    on conflict (kind, key, field) do update
    set label = excluded.label, normalized = excluded.normalized, context = excluded.context,
        listed = excluded.listed, owner = excluded.owner, audience = excluded.audience
    where (d.label, d.context, d.listed, d.owner, d.audience)
        is distinct from (excluded.label, excluded.context, excluded.listed, excluded.owner, excluded.audience);

    insert into search.track_count_changes (kind, key, change)
    select 'playlist', own.key, own.count - search.track_count('playlist', own.key)
    from (select id::text as key, search_internal.own_track_count(id::text) as count from unnest(playlist_ids) as id) as own
    where own.count <> search.track_count('playlist', own.key);
end;
$$;
comment on function search_internal.refresh_playlists(search.playlist_id[]) is 'Rebuild the documents of these playlists.';

create or replace function search_internal.index_documents() returns void
language plpgsql
set search_path = pg_catalog, search, pg_temp
as $$
begin
    -- what a search wants of a name is in the index: many names are looked at to find the popular ones
    create index if not exists documents_prefix_idx on search.documents (kind, level, normalized)
        include (popularity, key, field, listed, owner, audience);
    -- without a pending list: every search would have to read it
    create index if not exists documents_tokens_idx on search.documents using gin (tokens) with (fastupdate = off);
    -- the words of a viewer's own private names are read with each of their searches
    create index if not exists documents_owner_idx on search.documents (owner, popularity desc) where owner is not null;
end;
$$;
comment on function search_internal.index_documents() is 'Make the indexes by which names are found, where they are missing.';

create or replace function search.rebuild_documents() returns bigint
language plpgsql
set search_path = pg_catalog, search, pg_temp
as $$
begin
    truncate search.documents, search.words, search.word_deletions, search.word_count_changes, search.track_count_changes;
    drop index if exists search.documents_prefix_idx;
    drop index if exists search.documents_tokens_idx;
    perform search_internal.refresh_artists(array(select did from public.artists));
    perform search_internal.refresh_albums(array(select id from public.albums));
    perform search_internal.refresh_tags(array(select id from public.tags));
    perform search_internal.refresh_playlists(array(select id from public.playlists));
    analyze search.documents;
    perform search_internal.refresh_tracks(array(select id from public.tracks));
    perform search_internal.index_documents();
    analyze search.documents;
    perform search_internal.fold_word_counts();
    perform search.refresh_common_words();
    return (select count(*) from search.documents);
end;
$$;
comment on function search.rebuild_documents() is
    'Make search.documents and the vocabulary anew from the whole catalogue, and return how many documents there are. '
    'Needed only after the catalogue was written past its triggers.
Example: select search.rebuild_documents()';
