select id, artist_did, title, album_id, visibility from tracks where id = :track_id for update
