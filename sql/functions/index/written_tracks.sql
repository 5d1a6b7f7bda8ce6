-- Writing a track's visibility: in an adopted catalogue, the column visibility that search reads may be made by rules.

create or replace function search_internal.insert_track(
    artist_did text, album_id search.album_id, title text, file_id text, file_type text, r2_url text, visibility text, extra jsonb
)
returns bigint
language plpgsql
set search_path = pg_catalog, search, pg_temp
as $$
declare
    new_id bigint;
begin
    insert into public.tracks as t (artist_did, album_id, title, file_id, file_type, r2_url, rule.stated(), extra)
    values (
        insert_track.artist_did, insert_track.album_id, insert_track.title, insert_track.file_id, insert_track.file_type,
        insert_track.r2_url, insert_track.visibility, insert_track.extra)
    returning t.id into new_id;
    return new_id;
end;
$$;
comment on function search_internal.insert_track(text, search.album_id, text, text, text, text, text, jsonb) is
    'Insert a track and return its id.';

create or replace function search_internal.update_track(track_id bigint, title text, album_id search.album_id, visibility text) returns void
language plpgsql
set search_path = pg_catalog, search, pg_temp
as $$
begin
    update public.tracks t
    set title = update_track.title, album_id = update_track.album_id,
        rule.stated() = coalesce(update_track.visibility, t.rule.stated())
    where t.id = update_track.track_id;
end;
$$;
comment on function search_internal.update_track(bigint, text, search.album_id, text) is
    'Set the title and album of a track, and its visibility unless that is null.';
