-- Files in the audio store: which are known, used and playable.

-- register_audio: Note a file before it is stored, so that it is removed later if no track uses it.
-- waits for a transaction that is removing this file
insert into search.stored_audio (file_id, file_type)
values (:file_id, :file_type)
on conflict (file_id, file_type) do update set unused_since = now() where stored_audio.unused_since is not null

-- hold_audio: Lock a file's row until the transaction ends, so that the file is not removed; no row when it is gone.
select file_id from search.stored_audio where file_id = :file_id and file_type = :file_type for update

-- note_audio_upload: Note that a track's artist has uploaded its audio.
select search_internal.note_audio_upload(:track_id)

-- take_unused_audio: Take one file that has been unused for a time, to remove it.
select * from search_internal.take_unused_audio(cast(:unused_for as interval))

-- playable_track: The file behind a file_id, if the viewer may play a track that uses it.
-- the most open of the tracks that may open the file
select t.file_type, t.r2_url, t.visibility in ('public', 'unlisted') as open
from public.tracks t
where t.file_id = :file_id
  and (t.visibility in ('public', 'unlisted') or t.artist_did = :viewer or cast(:everything as boolean))
  and (cast(:everything as boolean) or t.artist_did = any (cast((select search_internal.artists_with_audio(:file_id)) as text[])))
order by array_position(array['public', 'unlisted', 'supporters', 'private'], t.visibility)
limit 1
