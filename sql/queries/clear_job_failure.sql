delete from search.job_failures where track_id = :track_id and task = :task and model = :model
