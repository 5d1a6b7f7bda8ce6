-- The mirror could not be brought up to date.
update search.mirror_state
set failure = :failure, failing_since = coalesce(failing_since, now()), attempts = attempts + 1
