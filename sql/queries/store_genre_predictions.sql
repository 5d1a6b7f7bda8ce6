select search.store_genre_predictions(:track_id, :file_id, cast(:predictions as jsonb))
