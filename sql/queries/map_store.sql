-- The new picture; of tracks that are still there.
insert into search.map_points (track_id, x, y)
select p.track_id, p.x, p.y
from unnest(cast(:track_ids as bigint[]), cast(:xs as real[]), cast(:ys as real[])) as p (track_id, x, y)
where exists (select from tracks t where t.id = p.track_id)
