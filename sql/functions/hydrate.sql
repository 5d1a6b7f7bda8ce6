create or replace function search.hydrate(kind text, key text, viewer text)
returns table (label text, artist text, details jsonb)
language plpgsql stable parallel safe rows 1
set search_path = pg_catalog, public, search
as $$
begin
    case kind
    when 'track' then
        return query
            select t.title, a.display_name, jsonb_build_object(
                'id', t.id, 'title', t.title, 'artist_handle', a.handle, 'artist_display_name', a.display_name,
                'image_url', t.image_url, 'file_id', t.file_id, 'album_title', b.title)
            from public.tracks t
            join public.artists a on a.did = t.artist_did
            left join public.albums b on b.id = t.album_id
            where t.id = key::bigint
              -- the candidates were chosen by visibility already; this holds should one have changed meanwhile
              and (search.is_listed(t.visibility) or search.private_owner(t.visibility, t.artist_did) = viewer);
    when 'artist' then
        return query
            select a.display_name, a.handle, jsonb_build_object(
                'did', a.did, 'handle', a.handle, 'display_name', a.display_name, 'avatar_url', a.avatar_url)
            from public.artists a where a.did = key;
    when 'album' then
        return query
            select b.title, a.display_name, jsonb_build_object(
                'id', b.id, 'title', b.title, 'slug', b.slug, 'artist_handle', a.handle,
                'artist_display_name', a.display_name, 'image_url', b.image_url)
            from public.albums b join public.artists a on a.did = b.artist_did where b.id = key::bigint;
    when 'tag' then
        return query
            select g.name, null::text, jsonb_build_object('id', g.id, 'name', g.name, 'track_count', d.track_count)
            from public.tags g
            join search.documents d on d.kind = 'tag' and d.key = hydrate.key
            where g.id = hydrate.key::bigint;
    when 'playlist' then
        return query
            select p.name, a.display_name, jsonb_build_object(
                'id', p.id, 'name', p.name, 'owner_handle', a.handle, 'owner_display_name', a.display_name,
                'image_url', p.image_url, 'track_count', d.track_count)
            from public.playlists p
            join public.artists a on a.did = p.owner_did
            join search.documents d on d.kind = 'playlist' and d.key = hydrate.key
            where p.id = hydrate.key::bigint;
    end case;
end;
$$;
comment on function search.hydrate(text, text, text) is
    'What the search endpoint shows of one entity. Called for the rows of a page only, each by primary key.';
