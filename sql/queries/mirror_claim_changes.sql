-- Claim the oldest changes to tell the mirror about, each under a new version. Rows of transactions that are under way are
-- skipped: what they changed cannot be seen yet, and a writer must not wait for this.
-- Materialized, so that the rows are locked once and the limit holds.
with oldest as materialized (
    select p.track_id from search.mirror_changes p
    where p.retry_at is null or p.retry_at <= now()
    order by p.changed_at
    limit :most
    for update skip locked
)
update search.mirror_changes c
set version = nextval('search.mirror_versions')
from oldest o
where c.track_id = o.track_id
returning c.track_id, c.version
