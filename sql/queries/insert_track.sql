insert into tracks (artist_did, album_id, title, file_id, file_type, r2_url, visibility, extra)
values (:artist_did, :album_id, :title, :file_id, :file_type, :r2_url, :visibility, cast(:extra as jsonb))
returning id
