-- The mirror is up to date. While nothing happens that is written down once a minute only.
update search.mirror_state set drained_at = now(), failure = null, failing_since = null, attempts = 0
where :moved or failure is not null or drained_at is null or drained_at < now() - interval '1 minute'
