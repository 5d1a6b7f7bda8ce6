-- Set a change aside that the mirror will not take, for a time that grows.
update search.mirror_changes c
set refused = :reason, attempts = c.attempts + 1,
    retry_at = now() + least(interval '1 hour', interval '30 seconds' * power(2, least(c.attempts, 20)))
where c.track_id = :track_id and c.version = :version
