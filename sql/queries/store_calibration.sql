insert into search.calibrations (
    model_id, match_slope, match_intercept, audibility_slope, audibility_intercept, tracks, sampled, hubness)
values (:model_id, :match_slope, :match_intercept, :audibility_slope, :audibility_intercept, :tracks, :sampled, :hubness)
on conflict (model_id) do update
set match_slope = excluded.match_slope, match_intercept = excluded.match_intercept,
    audibility_slope = excluded.audibility_slope, audibility_intercept = excluded.audibility_intercept,
    tracks = excluded.tracks, sampled = excluded.sampled, hubness = excluded.hubness, refreshed_at = now()
