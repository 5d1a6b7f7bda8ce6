select c.embedding::text as embedding from search.calibration_tracks c where c.model_id = :model_id order by c.track_id
