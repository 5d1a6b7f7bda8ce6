create or replace function search_internal.fill_documents(kind text, after text, most integer) returns text
language plpgsql
set search_path = pg_catalog, search, pg_temp
-- a plan made while the tables were small must not scan them once they are large
set enable_seqscan = off
as $$
declare
    keys text[];
begin
    -- Whoever is changing one of these rows is waited for: a name whose change did not find a document yet would come too late,
    -- and hidden ones be found.
    case kind
        when 'artist' then
            keys := array(select a.did from public.artists a where after is null or a.did > after order by a.did limit most);
            perform from public.artists a where a.did = any (keys) for share;
        when 'album' then
            keys := array(
                select b.id::text from public.albums b where after is null or b.id > after::search.album_id order by b.id limit most);
            perform from public.albums b where b.id = any (keys::search.album_id[]) for share;
        when 'tag' then
            keys := array(select g.id::text from public.tags g where after is null or g.id > after::bigint order by g.id limit most);
            perform from public.tags g where g.id = any (keys::bigint[]) for share;
        when 'playlist' then
            keys := array(
                select p.id::text from public.playlists p where after is null or p.id > after::search.playlist_id order by p.id limit most);
            perform from public.playlists p where p.id = any (keys::search.playlist_id[]) for share;
        when 'track' then
            keys := array(select t.id::text from public.tracks t where after is null or t.id > after::bigint order by t.id limit most);
            perform from public.tracks t where t.id = any (keys::bigint[]) for share;
        else
            raise exception 'there are no documents of the kind %', kind
                using errcode = 'invalid_parameter_value', hint = 'artist, album, tag, playlist or track.';
    end case;
    case kind
        when 'album' then
            perform search_internal.await_renames('artist', array(
                select distinct b.artist_did::text from public.albums b where b.id = any (keys::search.album_id[])));
        when 'playlist' then
            perform search_internal.await_renames('artist', array(
                select distinct p.owner_did::text from public.playlists p where p.id = any (keys::search.playlist_id[])));
        when 'track' then perform search_internal.await_renames_around(keys::bigint[]);
        else null;
    end case;
    delete from search.documents d where d.kind = fill_documents.kind and d.key = any (keys);
    -- The second time sees what was changed until the first had made, and so locked, the documents.
    for again in 1..2 loop
        case kind
            when 'artist' then perform search_internal.refresh_artists(keys);
            when 'album' then perform search_internal.refresh_albums(keys::search.album_id[]);
            when 'tag' then perform search_internal.refresh_tags(keys::bigint[]);
            when 'playlist' then perform search_internal.refresh_playlists(keys::search.playlist_id[]);
            when 'track' then perform search_internal.refresh_tracks(keys::bigint[]);
        end case;
    end loop;
    if kind = 'track' then
        -- vectors repeat who may find a track
        perform search_internal.relist_vectors(keys::bigint[]);
    end if;
    return keys[cardinality(keys)];
end;
$$;
comment on function search_internal.fill_documents(text, text, integer) is
    'Make the documents of the next so many entities of a kind anew, beside whoever writes to the catalogue, and return the key of the last: '
    'the next call goes on after it. Null when there are no more. Commit after each call: until then those who change the same names wait.';

create or replace function search_internal.fill_documents_to(version text, kind text, after text, most integer) returns text
language plpgsql
set search_path = pg_catalog, search, pg_temp
as $$
declare
    last constant text := search_internal.fill_documents(kind, after, most);
begin
    if last is not null then
        insert into search.schema_state as s (key, value) values ('filling', jsonb_build_array(version, kind, last)::text)
        on conflict (key) do update set value = excluded.value;
    end if;
    return last;
end;
$$;
comment on function search_internal.fill_documents_to(text, text, text, integer) is
    'As search_internal.fill_documents, and note how far it is: a run that was interrupted goes on there.';
