-- Each function makes search.documents equal to the catalogue for the given keys, and is safe to call at any time.

create or replace function search.refresh_tracks(track_ids bigint[]) returns void
language plpgsql
set search_path = pg_catalog, public, search
as $$
begin
    delete from search.documents d
    where d.kind = 'track' and d.key = any (track_ids::text[])
      and not exists (
          select from public.tracks t
          where t.id = d.key::bigint and t.visibility <> 'unlisted'
      );

    insert into search.documents (kind, key, field, label, normalized, popularity, listed, owner)
    select 'track', t.id::text, 'title', t.title, search.normalize_text(t.title), ln(1 + t.play_count),
           search.is_listed(t.visibility), search.private_owner(t.visibility, t.artist_did)
    from public.tracks t
    where t.id = any (track_ids) and t.visibility <> 'unlisted'
    on conflict (kind, key, field) do update
    set label = excluded.label, normalized = excluded.normalized, popularity = excluded.popularity,
        listed = excluded.listed, owner = excluded.owner;
end;
$$;
comment on function search.refresh_tracks(bigint[]) is 'Rebuild the documents of these tracks.';

create or replace function search.refresh_artists(dids text[]) returns void
language plpgsql
set search_path = pg_catalog, public, search
as $$
begin
    delete from search.documents d
    where d.kind = 'artist' and d.key = any (dids)
      and not exists (select from public.artists a where a.did = d.key);

    insert into search.documents (kind, key, field, label, normalized, popularity, track_count, listed)
    select 'artist', a.did, name.field, name.label, search.normalize_text(name.label),
           ln(1 + listed.tracks), listed.tracks, true
    from public.artists a
    cross join lateral (values ('handle', a.handle), ('display_name', a.display_name)) as name (field, label)
    cross join lateral (
        select count(*) from public.tracks t where t.artist_did = a.did and search.is_listed(t.visibility)
    ) as listed (tracks)
    where a.did = any (dids)
    on conflict (kind, key, field) do update
    set label = excluded.label, normalized = excluded.normalized, popularity = excluded.popularity,
        track_count = excluded.track_count;
end;
$$;
comment on function search.refresh_artists(text[]) is 'Rebuild the documents of these artists: one for the handle, one for the display name.';

create or replace function search.refresh_albums(album_ids bigint[]) returns void
language plpgsql
set search_path = pg_catalog, public, search
as $$
begin
    delete from search.documents d
    where d.kind = 'album' and d.key = any (album_ids::text[])
      and not exists (
          select from public.tracks t
          where t.album_id = d.key::bigint and t.visibility <> 'unlisted'
      );

    insert into search.documents (kind, key, field, label, normalized, popularity, track_count, listed, owner)
    select 'album', a.id::text, 'title', a.title, search.normalize_text(a.title),
           ln(1 + held.listed), held.listed, held.listed > 0, case when held.listed = 0 then a.artist_did end
    from public.albums a
    cross join lateral (
        select count(*) filter (where search.is_listed(t.visibility)), count(*)
        from public.tracks t where t.album_id = a.id and t.visibility <> 'unlisted'
    ) as held (listed, findable)
    where a.id = any (album_ids) and held.findable > 0
    on conflict (kind, key, field) do update
    set label = excluded.label, normalized = excluded.normalized, popularity = excluded.popularity,
        track_count = excluded.track_count, listed = excluded.listed, owner = excluded.owner;
end;
$$;
comment on function search.refresh_albums(bigint[]) is
    'Rebuild the documents of these albums. One that holds only private tracks is found by its artist alone; an empty one by nobody.';

create or replace function search.refresh_tags(tag_ids bigint[]) returns void
language plpgsql
set search_path = pg_catalog, public, search
as $$
begin
    delete from search.documents d
    where d.kind = 'tag' and d.key = any (tag_ids::text[])
      and not exists (
          select from public.track_tags tt join public.tracks t on t.id = tt.track_id
          where tt.tag_id = d.key::bigint and search.is_listed(t.visibility)
      );

    insert into search.documents (kind, key, field, label, normalized, popularity, track_count, listed)
    select 'tag', g.id::text, 'name', g.name, search.normalize_text(g.name), ln(1 + used.tracks), used.tracks, true
    from public.tags g
    cross join lateral (
        select count(*) from public.track_tags tt join public.tracks t on t.id = tt.track_id
        where tt.tag_id = g.id and search.is_listed(t.visibility)
    ) as used (tracks)
    where g.id = any (tag_ids) and used.tracks > 0
    on conflict (kind, key, field) do update
    set label = excluded.label, normalized = excluded.normalized, popularity = excluded.popularity,
        track_count = excluded.track_count;
end;
$$;
comment on function search.refresh_tags(bigint[]) is
    'Rebuild the documents of these tags. A tag that only private or unlisted tracks carry is found by nobody.';

create or replace function search.refresh_playlists(playlist_ids bigint[]) returns void
language plpgsql
set search_path = pg_catalog, public, search
as $$
begin
    delete from search.documents d
    where d.kind = 'playlist' and d.key = any (playlist_ids::text[])
      and not exists (
          select from public.playlists p
          where p.id = d.key::bigint and p.visibility <> 'unlisted'
      );

    insert into search.documents (kind, key, field, label, normalized, popularity, track_count, listed, owner)
    select 'playlist', p.id::text, 'name', p.name, search.normalize_text(p.name), ln(1 + held.tracks), held.tracks,
           search.is_listed(p.visibility), search.private_owner(p.visibility, p.owner_did)
    from public.playlists p
    cross join lateral (
        select count(*) from public.playlist_tracks pt join public.tracks t on t.id = pt.track_id
        where pt.playlist_id = p.id and search.is_listed(t.visibility)
    ) as held (tracks)
    where p.id = any (playlist_ids) and p.visibility <> 'unlisted'
    on conflict (kind, key, field) do update
    set label = excluded.label, normalized = excluded.normalized, popularity = excluded.popularity,
        track_count = excluded.track_count, listed = excluded.listed, owner = excluded.owner;
end;
$$;
comment on function search.refresh_playlists(bigint[]) is 'Rebuild the documents of these playlists.';
