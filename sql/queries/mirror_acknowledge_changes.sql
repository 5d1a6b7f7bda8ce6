-- Forget the changes that the mirror has, unless the track has changed since. Nobody is waited for: what somebody holds is told again.
delete from search.mirror_changes c
where c.track_id in (
    select p.track_id
    from unnest(cast(:track_ids as bigint[]), cast(:versions as bigint[])) as sent (track_id, version)
    join search.mirror_changes p on p.track_id = sent.track_id and p.version = sent.version
    for update of p skip locked
)
