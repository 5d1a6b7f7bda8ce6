delete from tracks where id = :track_id
