select search.draw_calibration_tracks(cast(:model_id as smallint), :most) as drawn
