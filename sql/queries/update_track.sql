-- What is not to be changed comes as it is.
update tracks set title = :title, album_id = :album_id, visibility = :visibility where id = :track_id
