insert into public.tracks (title, artist_did, album_id, file_id, file_type)
values (:title, :artist_did, :album_id, repeat('f', 64), 'mp3')
returning id
