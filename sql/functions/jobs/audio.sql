-- What becomes of the audio of tracks, and of what was learnt from it.

create or replace function search_internal.on_audio_replaced() returns trigger
language plpgsql security definer
set search_path = pg_catalog, search, pg_temp
as $$
begin
    if jsonb_typeof(new.extra) = 'object' and new.extra ->> 'genre_predictions_file_id' is distinct from new.file_id then
        new.extra := new.extra - 'genre_predictions' - 'genre_predictions_file_id';
    end if;
    delete from search.embeddings e where e.track_id = old.id and e.file_id <> new.file_id;
    delete from search.job_failures f where f.track_id = old.id and f.file_id <> new.file_id;
    return new;
end;
$$;
comment on function search_internal.on_audio_replaced() is
    'Discards the vectors, genre predictions and failures of a track''s former audio.';
revoke execute on function search_internal.on_audio_replaced() from public;

create or replace function search_internal.on_audio_used() returns trigger
language plpgsql security definer
set search_path = pg_catalog, search, pg_temp
as $$
begin
    if tg_op <> 'INSERT' then
        -- another track may still use it, which is looked at before a file is removed; two that go at once could each take the other for a user
        update search.stored_audio a set unused_since = now() where a.file_id = old.file_id and a.unused_since is null;
    end if;
    if tg_op <> 'DELETE' and exists (select from search.stored_audio a where a.file_id = new.file_id) then
        -- waits for a removal of the file that is under way, and then finds no row
        update search.stored_audio a set unused_since = null where a.file_id = new.file_id;
        if not found then
            raise exception 'the audio % has just been removed, for no track used it', new.file_id
                using errcode = 'serialization_failure', hint = 'Store it again.';
        end if;
    end if;
    return null;
end;
$$;
comment on function search_internal.on_audio_used() is
    'Notes in search.stored_audio whether a file may be without a track, and keeps a track from using one that is being removed.';
revoke execute on function search_internal.on_audio_used() from public;

create or replace function search_internal.take_unused_audio(unused_for interval)
returns table (file_id text, file_type text, used boolean)
language sql
set search_path = pg_catalog, search, pg_temp
as $$
    -- what is locked is being uploaded or taken into use at this moment
    with found as (
        select a.file_id, a.file_type, exists (select from public.tracks t where t.file_id = a.file_id) as used
        from search.stored_audio a
        where a.unused_since <= now() - unused_for
        order by a.unused_since
        limit 1
        for update skip locked
    ), kept as (
        update search.stored_audio a set unused_since = null
        from found f where f.used and (a.file_id, a.file_type) = (f.file_id, f.file_type)
        returning a.file_id, a.file_type, true as used
    ), taken as (
        delete from search.stored_audio a
        using found f where not f.used and (a.file_id, a.file_type) = (f.file_id, f.file_type)
        returning a.file_id, a.file_type, false as used
    )
    select * from kept union all select * from taken;
$$;
comment on function search_internal.take_unused_audio(interval) is
    'Look at one file that no track seemed to use for so long. Where that is true, its row goes: remove the file from the store, then '
    'commit. Where a track does use it, that is noted. No row when there is nothing left to look at.';

create or replace function search_internal.artists_with_audio(file_id text) returns text[]
language sql stable
set search_path = pg_catalog, search, pg_temp
as $$
    -- all tracks of the file are read once, however many there are
    with used as materialized (
        select t.id, t.artist_did::text as artist, t.visibility in ('public', 'unlisted') as open
        from public.tracks t where t.file_id = artists_with_audio.file_id
    ),
    closed as (
        select array_agg(distinct u.artist) as artists from used u where u.open is not true
    ),
    uploaded as (
        select array_agg(distinct u.artist_did) as artists
        from search.audio_uploads u where u.file_id = artists_with_audio.file_id
    )
    select coalesce(array_agg(distinct u.artist), '{}')
    from used u, closed, uploaded
    where closed.artists is null or closed.artists = array[u.artist] or u.artist = any (uploaded.artists)
       or uploaded.artists is null and u.artist = (select f.artist from used f order by f.id limit 1);
$$;
comment on function search_internal.artists_with_audio(text) is
    'The artists whose tracks may open a file: those who have uploaded it, and those beside whom no other artist has a closed track with it. '
    'Where no upload is known, the artist of the first track with the file counts as having uploaded it.';

create or replace function search_internal.note_audio_upload(track_id bigint) returns void
language sql
set search_path = pg_catalog, search, pg_temp
as $$
    insert into search.audio_uploads (file_id, file_type, artist_did)
    select a.file_id, a.file_type, had.artist_did
    from public.tracks t
    join search.stored_audio a on a.file_id = t.file_id and a.file_type = t.file_type
    cross join lateral (
        select t.artist_did
        union
        -- the artist whose track had the file before the first upload keeps it
        (select f.artist_did from public.tracks f
         where f.file_id = t.file_id and not exists (select from search.audio_uploads u where u.file_id = t.file_id)
         order by f.id limit 1)
    ) as had
    where t.id = note_audio_upload.track_id
    on conflict do nothing;
$$;
comment on function search_internal.note_audio_upload(bigint) is 'Note that the artist of a track has uploaded its audio.';
