-- Those of some tracks that the mirror has yet to be told about.
select c.track_id from search.mirror_changes c where c.track_id = any (cast(:track_ids as bigint[]))
