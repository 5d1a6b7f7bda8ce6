-- Take the oldest changes to tell the mirror about, each under a new version. Rows of transactions that are still under way are
-- left alone: what they changed cannot be seen yet, and whoever changes a track must not wait for this.
update search.mirror_changes c
set version = nextval('search.mirror_versions')
where c.track_id in (
    select p.track_id from search.mirror_changes p
    where p.retry_at is null or p.retry_at <= now()
    order by p.changed_at
    limit :most
    for update skip locked
)
returning c.track_id, c.version
