select search.add_tags(:track_id, cast(:names as text[]))
