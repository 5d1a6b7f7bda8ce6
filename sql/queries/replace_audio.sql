-- Triggers discard what belonged to the former audio, and enqueue the jobs.
update tracks set file_id = :file_id, file_type = :file_type, r2_url = :r2_url where id = :track_id
