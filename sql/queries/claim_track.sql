-- Claim a track for this session, unless another session or a worker has it; no row when the track is gone.
select c.file_id, c.key, c.claimed from search.claim_track(:task, :model, :track_id) c
