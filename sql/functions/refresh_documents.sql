-- Each function makes search.documents equal to the catalogue for the given keys, and is safe to call at any time.
-- Rows are written in the order of their keys, so that two transactions wait for each other instead of deadlocking.

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

    insert into search.documents as d (kind, key, field, label, normalized, context, popularity, listed, owner)
    select 'track', t.id::text, 'title', t.title, search.normalize_text(t.title),
           -- tags by name, to be typed, and by id, to be exact: normalised text has no number sign
           concat_ws(' ', search.normalize_text(concat_ws(' ', a.display_name, a.handle, b.title, tagged.names)), tagged.ids),
           ln(1 + t.play_count),
           search.is_listed(t.visibility), search.private_owner(t.visibility, t.artist_did)
    from public.tracks t
    join public.artists a on a.did = t.artist_did
    left join public.albums b on b.id = t.album_id
    cross join lateral (
        select string_agg(g.name, ' ' order by g.id) as names, string_agg('#' || g.id, ' ' order by g.id) as ids
        from public.track_tags tt join public.tags g on g.id = tt.tag_id
        where tt.track_id = t.id
    ) as tagged
    where t.id = any (track_ids) and t.visibility <> 'unlisted'
    order by t.id
    on conflict (kind, key, field) do update
    set label = excluded.label, normalized = excluded.normalized, context = excluded.context,
        popularity = excluded.popularity, listed = excluded.listed, owner = excluded.owner
    where (d.label, d.context, d.popularity, d.listed, d.owner)
        is distinct from (excluded.label, excluded.context, excluded.popularity, excluded.listed, excluded.owner);
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

    insert into search.documents as d (kind, key, field, label, normalized, popularity, track_count, listed)
    select 'artist', a.did, name.field, name.label, search.normalize_text(name.label),
           ln(1 + listed.tracks), listed.tracks, true
    from public.artists a
    cross join lateral (values ('handle', a.handle), ('display_name', a.display_name)) as name (field, label)
    cross join lateral (
        select count(*) from public.tracks t where t.artist_did = a.did and search.is_listed(t.visibility)
    ) as listed (tracks)
    where a.did = any (dids)
    order by a.did, name.field
    on conflict (kind, key, field) do update
    set label = excluded.label, normalized = excluded.normalized, popularity = excluded.popularity,
        track_count = excluded.track_count
    where (d.label, d.popularity, d.track_count) is distinct from (excluded.label, excluded.popularity, excluded.track_count);
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

    insert into search.documents as d (kind, key, field, label, normalized, context, popularity, track_count, listed, owner)
    select 'album', a.id::text, 'title', a.title, search.normalize_text(a.title),
           search.normalize_text(concat_ws(' ', artist.display_name, artist.handle)),
           ln(1 + held.listed), held.listed, held.listed > 0, case when held.listed = 0 then a.artist_did end
    from public.albums a
    join public.artists artist on artist.did = a.artist_did
    cross join lateral (
        select count(*) filter (where search.is_listed(t.visibility)), count(*)
        from public.tracks t where t.album_id = a.id and t.visibility <> 'unlisted'
    ) as held (listed, findable)
    where a.id = any (album_ids) and held.findable > 0
    order by a.id
    on conflict (kind, key, field) do update
    set label = excluded.label, normalized = excluded.normalized, context = excluded.context,
        popularity = excluded.popularity, track_count = excluded.track_count,
        listed = excluded.listed, owner = excluded.owner
    where (d.label, d.context, d.popularity, d.track_count, d.listed, d.owner) is distinct from
        (excluded.label, excluded.context, excluded.popularity, excluded.track_count, excluded.listed, excluded.owner);
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

    insert into search.documents as d (kind, key, field, label, normalized, popularity, track_count, listed)
    select 'tag', g.id::text, 'name', g.name, search.normalize_text(g.name), ln(1 + used.tracks), used.tracks, true
    from public.tags g
    cross join lateral (
        select count(*) from public.track_tags tt join public.tracks t on t.id = tt.track_id
        where tt.tag_id = g.id and search.is_listed(t.visibility)
    ) as used (tracks)
    where g.id = any (tag_ids) and used.tracks > 0
    order by g.id
    on conflict (kind, key, field) do update
    set label = excluded.label, normalized = excluded.normalized, popularity = excluded.popularity,
        track_count = excluded.track_count
    where (d.label, d.popularity, d.track_count) is distinct from (excluded.label, excluded.popularity, excluded.track_count);
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

    insert into search.documents as d (kind, key, field, label, normalized, context, popularity, track_count, listed, owner)
    select 'playlist', p.id::text, 'name', p.name, search.normalize_text(p.name),
           search.normalize_text(concat_ws(' ', a.display_name, a.handle)), ln(1 + held.tracks), held.tracks,
           search.is_listed(p.visibility), search.private_owner(p.visibility, p.owner_did)
    from public.playlists p
    join public.artists a on a.did = p.owner_did
    cross join lateral (
        select count(*) from public.playlist_tracks pt join public.tracks t on t.id = pt.track_id
        where pt.playlist_id = p.id and search.is_listed(t.visibility)
    ) as held (tracks)
    where p.id = any (playlist_ids) and p.visibility <> 'unlisted'
    order by p.id
    on conflict (kind, key, field) do update
    set label = excluded.label, normalized = excluded.normalized, context = excluded.context,
        popularity = excluded.popularity, track_count = excluded.track_count,
        listed = excluded.listed, owner = excluded.owner
    where (d.label, d.context, d.popularity, d.track_count, d.listed, d.owner) is distinct from
        (excluded.label, excluded.context, excluded.popularity, excluded.track_count, excluded.listed, excluded.owner);
end;
$$;
comment on function search.refresh_playlists(bigint[]) is 'Rebuild the documents of these playlists.';

create or replace function search.rebuild_documents() returns bigint
language plpgsql
set search_path = pg_catalog, public, search
as $$
begin
    truncate search.documents, search.words, search.word_deletions;
    drop index if exists search.documents_prefix_idx;
    drop index if exists search.documents_tokens_idx;
    perform search.refresh_artists(array(select did from public.artists));
    perform search.refresh_albums(array(select id from public.albums));
    perform search.refresh_tags(array(select id from public.tags));
    perform search.refresh_playlists(array(select id from public.playlists));
    perform search.refresh_tracks(array(select id from public.tracks));
    create index documents_prefix_idx on search.documents (kind, level, normalized);
    -- without a pending list: every search would have to read it
    create index documents_tokens_idx on search.documents using gin (tokens) with (fastupdate = off);
    return (select count(*) from search.documents);
end;
$$;
comment on function search.rebuild_documents() is
    'Make search.documents and the vocabulary anew from the whole catalogue, and return how many documents there are. '
    'Needed only after the catalogue was written past its triggers.';
