update tracks
set extra = extra || jsonb_build_object(
    'genre_predictions', cast(:predictions as jsonb), 'genre_predictions_file_id', file_id)
where id = :track_id and file_id = :file_id
