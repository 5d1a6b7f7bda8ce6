select search.request_genres(:track_id)
