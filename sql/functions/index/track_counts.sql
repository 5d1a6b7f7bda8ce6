create or replace function search.track_count(kind text, key text) returns bigint
language plpgsql stable strict parallel safe
set search_path = pg_catalog, search, pg_temp
set plan_cache_mode = force_generic_plan
as $$
begin
    return (select max(d.track_count) from search.documents d where d.kind = track_count.kind and d.key = track_count.key)
        + coalesce((select sum(c.change) from search.track_count_changes c
                    where c.kind = track_count.kind and c.key = track_count.key), 0);
end;
$$;
comment on function search.track_count(text, text) is 'Listed tracks that an artist, album, tag or playlist holds.
Example: select search.track_count(''tag'', ''1'')';

create or replace function search_internal.own_track_count(playlist text) returns bigint
language plpgsql stable strict parallel safe
set search_path = pg_catalog, search, pg_temp
set plan_cache_mode = force_generic_plan
as $$
begin
    -- only the view of an adopted table may have this column
    return (select (to_jsonb(p) ->> 'own_track_count')::bigint from public.playlists p where p.id = playlist::search.playlist_id);
end;
$$;
comment on function search_internal.own_track_count(text) is
    'The tracks of a playlist by the count of an adopted catalogue that keeps no playlist_tracks; null elsewhere.';

create or replace function search_internal.count_tracks(kind text, keys text[]) returns table (key text, listed bigint)
language plpgsql stable strict parallel safe
set search_path = pg_catalog, search, pg_temp
set plan_cache_mode = force_generic_plan
as $$
begin
    return query
    select k, case kind
        when 'artist' then (select count(*) from public.tracks t where t.artist_did = k and search.is_listed(t.visibility))
        when 'album' then (select count(*) from public.tracks t
            where t.album_id = case when kind = 'album' then k::search.album_id end and search.is_listed(t.visibility))
        when 'tag' then (select count(*) from public.track_tags tt join public.tracks t on t.id = tt.track_id
            where tt.tag_id = case when kind = 'tag' then k::bigint end and search.is_listed(t.visibility))
        when 'playlist' then coalesce(search_internal.own_track_count(k), (
            select count(*) from public.playlist_tracks pt join public.tracks t on t.id = pt.track_id
            where pt.playlist_id = case when kind = 'playlist' then k::search.playlist_id end and search.is_listed(t.visibility)))
        end
    from unnest(keys) as k;
end;
$$;
comment on function search_internal.count_tracks(text, text[]) is 'The listed tracks of each of these entities, counted in the catalogue.';

create or replace function search_internal.fold_track_counts() returns bigint
language plpgsql
set search_path = pg_catalog, search, pg_temp
set plan_cache_mode = force_generic_plan
as $$
declare
    folded bigint;
    tags bigint[];
    albums search.album_id[];
begin
    -- one at a time, and never waiting for a writer that has a document: what it holds is folded next time
    if not pg_try_advisory_xact_lock(hashtextextended('search_internal.fold_track_counts', 0)) then
        return 0;
    end if;
    select array_agg(distinct c.key::bigint) filter (where c.kind = 'tag'),
           array_agg(distinct c.key::search.album_id) filter (where c.kind = 'album')
    into tags, albums
    from search.track_count_changes c where c.kind in ('tag', 'album');

    with changed as (
        select distinct c.kind, c.key from search.track_count_changes c
    ),
    free as (
        select d.kind, d.key, d.field
        from search.documents d
        where (d.kind, d.key) in (select c.kind, c.key from changed c)
        order by d.kind, d.key, d.field
        for no key update skip locked
    ),
    -- of an artist both names or neither
    whole as (
        select f.kind, f.key from free f group by f.kind, f.key
        having count(*) = (select count(*) from search.documents d where d.kind = f.kind and d.key = f.key)
    ),
    taken as (
        delete from search.track_count_changes c
        where (c.kind, c.key) in (select w.kind, w.key from whole w)
           or not exists (select from search.documents d where d.kind = c.kind and d.key = c.key)
        returning c.kind, c.key
    ),
    -- counted afresh in the snapshot that the changes are taken in: what two writers could not see of each other is mended
    counts as (
        select t.kind, counted.key, counted.listed
        from (select taken.kind, array_agg(distinct taken.key) as keys from taken group by taken.kind) as t
        cross join lateral search_internal.count_tracks(t.kind, t.keys) as counted
    )
    update search.documents d
    set track_count = c.listed, popularity = ln(1 + c.listed)
    from counts c
    where d.kind = c.kind and d.key = c.key and d.track_count <> c.listed;
    get diagnostics folded = row_count;
    -- two writers that each took one of the last two tracks away could not see that none is left
    perform search_internal.relist_tags(tags);
    perform search_internal.relist_albums(albums);
    return folded;
end;
$$;
comment on function search_internal.fold_track_counts() is
    'Count anew what has waiting changes, for the documents and so for their popularity; returns how many documents '
    'changed. The task fold_track_counts calls it every minute.';

create or replace function search_internal.change_track_counts(changed_tracks bigint[], change integer) returns void
language plpgsql
set search_path = pg_catalog, search, pg_temp
set plan_cache_mode = force_generic_plan
as $$
begin
    insert into search.track_count_changes (kind, key, change)
    select 'tag', tt.tag_id::text, change * count(*)
    from public.track_tags tt where tt.track_id = any (changed_tracks) group by tt.tag_id
    union all
    select 'playlist', pt.playlist_id::text, change * count(*)
    from public.playlist_tracks pt where pt.track_id = any (changed_tracks) group by pt.playlist_id
    having search_internal.own_track_count(pt.playlist_id::text) is null;
end;
$$;
comment on function search_internal.change_track_counts(bigint[], integer) is
    'Count tracks that were listed or hidden for their tags and playlists.';
