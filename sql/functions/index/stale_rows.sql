-- What becomes of rows of an adopted catalogue that a trigger could not keep equal. In a catalogue of vibe-search's own an error
-- of a trigger is a bug, and is raised.

create or replace function search_internal.note_stale(
    table_name text, operation text, error text, old_rows jsonb[], new_rows jsonb[]
) returns void
language plpgsql
set search_path = pg_catalog, search, pg_temp
as $$
declare
    -- counting plays and touching a row changes nothing that could hide it
    unseen constant text[] := array['play_count', 'updated_at'];
    changed constant jsonb[] := array(
        select coalesce(o.r, n.r) from unnest(old_rows) as o (r) full join unnest(new_rows) as n (r)
            on o.r - unseen = n.r - unseen
        where o.r is null or n.r is null);
    kept boolean;
begin
    kept := search_internal.follow_rows(table_name, changed);
    if not kept then
        perform search_internal.hide_rows(table_name, changed);
    end if;
    -- one note for each error; its lock keeps an adoption from removing it before this transaction ends
    perform from search.stale_notes n
    where (n.table_name, n.operation, n.error, n.followed) = (note_stale.table_name, note_stale.operation, note_stale.error, kept)
    limit 1 for key share;
    if not found then
        insert into search.stale_notes (table_name, operation, error, followed)
        values (note_stale.table_name, note_stale.operation, note_stale.error, kept);
    end if;
end;
$$;
comment on function search_internal.note_stale(text, text, text, jsonb[], jsonb[]) is
    'Note that a trigger failed on these rows, before and after the write. Rows that cannot be read again by their keys are hidden.';

create or replace function search_internal.follow_rows(table_name text, changed jsonb[]) returns boolean
language plpgsql
set search_path = pg_catalog, search, pg_temp
as $$
declare
    ids constant text[] := search_internal.values_of(changed, 'id');
    dids constant text[] := search_internal.values_of(changed, 'did');
begin
    case table_name
        when 'artists' then
            if array_position(dids, null) is not null then return false; end if;
            perform search_internal.refresh_artists(dids);
            perform search_internal.refresh_albums(array(select id from public.albums where artist_did = any (dids)));
            perform search_internal.refresh_playlists(array(select id from public.playlists where owner_did = any (dids)));
            perform search_internal.refresh_tracks(array(select id from public.tracks where artist_did = any (dids)));
        when 'albums' then
            if array_position(ids, null) is not null then return false; end if;
            perform search_internal.refresh_albums(ids::search.album_id[]);
            perform search_internal.refresh_tracks(array(
                select t.id from public.tracks t where t.album_id = any (ids::search.album_id[])));
        when 'tags' then
            if array_position(ids, null) is not null then return false; end if;
            perform search_internal.refresh_tags(ids::bigint[]);
            perform search_internal.refresh_tracks(array(
                select distinct tt.track_id from public.track_tags tt where tt.tag_id = any (ids::bigint[])));
        when 'playlists' then
            if array_position(ids, null) is not null then return false; end if;
            perform search_internal.refresh_playlists(ids::search.playlist_id[]);
        when 'tracks' then
            if array_position(ids, null) is not null then return false; end if;
            return search_internal.follow_tracks(changed);
        when 'track_tags' then
            return search_internal.follow_track_tags(changed);
        else
            return false;
    end case;
    return true;
-- the writer retries after some errors
exception
    when transaction_rollback or lock_not_available then raise;
    when others then return false;
end;
$$;
comment on function search_internal.follow_rows(text, jsonb[]) is
    'Read rows again by their keys, as search sees the table; false where that is not possible, and then nothing is changed.';

create or replace function search_internal.follow_tracks(changed jsonb[]) returns boolean
language plpgsql
set search_path = pg_catalog, search, pg_temp
as $$
declare
    ids constant bigint[] := search_internal.values_of(changed, 'id')::bigint[];
    albums constant text[] := search_internal.values_of(changed, 'album_id');
    artists constant text[] := search_internal.values_of(changed, 'artist_did');
    tags constant bigint[] := search_internal.tags_in_documents(ids);
begin
    -- whose album is left is not known, once the column has another name
    if exists (select from unnest(changed) as c (r) where not (c.r ?& array['album_id', 'artist_did'])) then
        return false;
    end if;
    perform search_internal.await_renames_around(ids);
    perform search_internal.relist_vectors(ids);
    perform search_internal.relist_albums(array_remove(albums, null)::search.album_id[]);
    perform search_internal.relist_tags(tags || array(
        select distinct tt.tag_id from public.track_tags tt where tt.track_id = any (ids))::bigint[]);
    -- a change of nothing has the holders counted anew
    insert into search.track_count_changes (kind, key, change)
    select 'artist', k, 0 from unnest(artists) as k
    union all select 'album', k, 0 from unnest(array_remove(albums, null)) as k
    union all select 'tag', k::text, 0 from unnest(tags) as k
    union all select 'playlist', pt.playlist_id::text, 0 from public.playlist_tracks pt where pt.track_id = any (ids);
    perform search_internal.refresh_tracks(ids);
    return true;
end;
$$;
comment on function search_internal.follow_tracks(jsonb[]) is 'As search_internal.follow_rows, for tracks and what holds them.';

create or replace function search_internal.follow_track_tags(changed jsonb[]) returns boolean
language plpgsql
set search_path = pg_catalog, search, pg_temp
as $$
declare
    tracks constant text[] := search_internal.values_of(changed, 'track_id');
    tags constant text[] := search_internal.values_of(changed, 'tag_id');
begin
    if array_position(tracks || tags, null) is not null then return false; end if;
    insert into search.track_count_changes (kind, key, change) select 'tag', k, 0 from unnest(tags) as k;
    perform search_internal.relist_tags(tags::bigint[]);
    perform search_internal.refresh_tracks(tracks::bigint[]);
    return true;
end;
$$;
comment on function search_internal.follow_track_tags(jsonb[]) is 'As search_internal.follow_rows, for the tags of tracks.';

create or replace function search_internal.relist_vectors(track_ids bigint[]) returns void
language plpgsql
set search_path = pg_catalog, search, pg_temp
set plan_cache_mode = force_generic_plan
set enable_seqscan = off
as $$
begin
    delete from search.embeddings e using public.tracks t
    where e.track_id = any (track_ids) and t.id = e.track_id and t.file_id <> e.file_id;
    update search.embeddings e
    set listed = search.is_listed(t.visibility), owner = search.private_owner(t.visibility, t.artist_did),
        audience = search_internal.audience(t.visibility)
    from public.tracks t
    where e.track_id = any (track_ids) and t.id = e.track_id
      and (e.listed, e.owner, e.audience) is distinct from (
          search.is_listed(t.visibility), search.private_owner(t.visibility, t.artist_did), search_internal.audience(t.visibility));
end;
$$;
comment on function search_internal.relist_vectors(bigint[]) is
    'Make who may find the vectors of these tracks equal to the catalogue, and drop those of former audio.';

create or replace function search_internal.hide_rows(table_name text, changed jsonb[]) returns void
language plpgsql
set search_path = pg_catalog, search, pg_temp
as $$
declare
    kind constant text := case table_name when 'artists' then 'artist' when 'albums' then 'album' when 'tags' then 'tag'
        when 'playlists' then 'playlist' when 'tracks' then 'track' when 'track_tags' then 'tag' end;
    keys constant text[] := search_internal.values_of(
        changed, case table_name when 'artists' then 'did' when 'track_tags' then 'tag_id' else 'id' end);
    -- which rows these are is not known: then it may be any
    whole constant boolean := array_position(keys, null) is not null;
begin
    if kind is null or cardinality(changed) = 0 then
        return;
    end if;
    if kind = 'track' then
        update search.embeddings e set listed = false, owner = null, audience = null
        where (whole or e.track_id::text = any (keys)) and (e.listed or e.owner is not null or e.audience is not null);
        perform search_internal.hide_documents('album', case
            when not whole and not exists (select from unnest(changed) as c (r) where not c.r ? 'album_id')
            then array_remove(search_internal.values_of(changed, 'album_id'), null) end);
        perform search_internal.hide_documents('tag', case
            when not whole then search_internal.tags_in_documents(keys::bigint[])::text[] end);
    end if;
    perform search_internal.hide_documents(kind, case when not whole then keys end);
end;
$$;
comment on function search_internal.hide_rows(text, jsonb[]) is
    'Hide rows whose present state is not known, with the albums and tags that might be shown for them, until the next adoption.';

create or replace function search_internal.hide_documents(kind text, keys text[]) returns void
language plpgsql
set search_path = pg_catalog, search, pg_temp
as $$
begin
    delete from search.documents d
    using (
        select h.kind, h.key, h.field from search.documents h
        where h.kind = hide_documents.kind and (keys is null or h.key = any (keys))
        order by h.key, h.field for update
    ) as hidden
    where (d.kind, d.key, d.field) = (hidden.kind, hidden.key, hidden.field);
end;
$$;
comment on function search_internal.hide_documents(text, text[]) is 'Remove the documents of these entities, until they are read again; without keys, all of the kind.';

create or replace function search_internal.tags_in_documents(track_ids bigint[]) returns bigint[]
language sql stable
set search_path = pg_catalog, search, pg_temp
as $$
    select coalesce(array_agg(distinct found.tag[1]::bigint), '{}')
    from search.documents d
    cross join lateral regexp_matches(d.context, '#(\d+)', 'g') as found (tag)
    where d.kind = 'track' and d.key = any (track_ids::text[]);
$$;
comment on function search_internal.tags_in_documents(bigint[]) is 'The tags that the documents of tracks name.';

create or replace function search_internal.values_of(changed jsonb[], name text) returns text[]
language sql immutable
set search_path = pg_catalog, pg_temp
as $$
    select array(select distinct c.r ->> name from unnest(changed) as c (r) order by 1);
$$;
comment on function search_internal.values_of(jsonb[], text) is
    'Each value that a column has in rows; null among them where a row has none.';

create or replace function search_internal.forget_deleted() returns bigint
language plpgsql
set search_path = pg_catalog, search, pg_temp
as $$
declare
    gone bigint;
begin
    delete from search.documents d
    where d.kind = 'artist' and not exists (select from public.artists a where a.did = d.key)
       or d.kind = 'album' and not exists (select from public.albums b where b.id = case when d.kind = 'album' then d.key::search.album_id end)
       or d.kind = 'tag' and not exists (select from public.tags g where g.id = case when d.kind = 'tag' then d.key::bigint end)
       or d.kind = 'playlist' and not exists (
           select from public.playlists p where p.id = case when d.kind = 'playlist' then d.key::search.playlist_id end)
       or d.kind = 'track' and not exists (select from public.tracks t where t.id = case when d.kind = 'track' then d.key::bigint end);
    get diagnostics gone = row_count;
    return gone;
end;
$$;
comment on function search_internal.forget_deleted() is
    'Remove the documents of entities that the catalogue no longer has, and return how many; needed where no trigger saw them go.';
