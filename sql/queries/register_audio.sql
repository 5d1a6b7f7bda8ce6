-- Before its file is stored: what is left without a track is removed later. Waits for whoever is removing that very file.
insert into search.stored_audio (file_id, file_type)
values (:file_id, :file_type)
on conflict (file_id, file_type) do update set unused_since = now() where stored_audio.unused_since is not null
