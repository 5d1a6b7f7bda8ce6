-- Tracks, albums and tags, as people create and change them.

-- artist_exists: Whether there is an artist with this DID.
select exists (select from public.artists where did = :did)

-- read_tracks: Tracks as their pages show them, with their tasks, and which of the viewers may see each.
-- a viewer is asked about together with a track; however many ask, a track is read once
with asked as (
    select pair.track_id, array_agg(pair.viewer) as viewers
    from unnest(cast(:track_ids as bigint[]), cast(:viewers as text[])) as pair (track_id, viewer)
    group by pair.track_id
)
select t.id, t.title, t.artist_did, a.handle as artist_handle, a.display_name as artist_display_name,
       al.title as album_title, t.image_url, t.file_id, t.file_type, t.visibility, t.play_count, t.created_at,
       array(
           select g.name from public.track_tags tt join public.tags g on g.id = tt.tag_id where tt.track_id = t.id order by g.name
       ) as tags,
       coalesce((
           select jsonb_agg(jsonb_build_object('task', k.task, 'model', k.model, 'state', k.state, 'reason', k.reason,
                                               'permanent', k.permanent, 'attempts', k.attempts) order by k.task desc)
           from search.track_tasks(t.id) k
       ), '[]') as tasks,
       array(
           select v.viewer from unnest(asked.viewers) as v (viewer) where search.may_see(t.visibility, t.artist_did, v.viewer)
       ) as seen_by
from asked
join public.tracks t on t.id = asked.track_id
join public.artists a on a.did = t.artist_did
left join public.albums al on al.id = t.album_id

-- insert_track: Insert a track; triggers enqueue its jobs.
select search_internal.insert_track(
    :artist_did, cast(:album_id as search.album_id), :title, :file_id, :file_type, :r2_url, :visibility, cast(:extra as jsonb))

-- lock_track: Read a track and lock it until the transaction ends.
select id, artist_did, title, album_id from public.tracks where id = :track_id for update

-- update_track: Set the title, album and visibility of a track.
-- what is not to be changed comes with its present value, but for the visibility, which is null
select search_internal.update_track(:track_id, :title, cast(:album_id as search.album_id), :visibility)

-- replace_audio: Give a track other audio; triggers discard what belonged to the former audio, and enqueue the jobs.
update public.tracks set file_id = :file_id, file_type = :file_type, r2_url = :r2_url where id = :track_id

-- delete_track: Delete a track.
delete from public.tracks where id = :track_id

-- ensure_album: The id of an artist's album, which is created if it does not exist.
-- the update changes nothing: without it, `returning` would skip an album that exists
insert into public.albums (artist_did, title, slug)
values (:artist_did, :title, :slug)
on conflict (artist_did, slug) do update set slug = excluded.slug
returning id

-- untag_track: Remove all tags of a track except some, whatever their case.
delete from public.track_tags tt
using public.tags g
where tt.track_id = :track_id and g.id = tt.tag_id and lower(g.name) <> all (cast(:names as text[]))

-- add_tags: Add tags to a track, and create those that do not exist.
select search_internal.add_tags(:track_id, cast(:names as text[]))
