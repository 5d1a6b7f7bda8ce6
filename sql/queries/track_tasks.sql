select * from search.track_tasks(:track_id)
