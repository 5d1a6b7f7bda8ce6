-- What tracks are called, for a list of differences, and why one may not be in the mirror.
select t.id, t.title, t.visibility from tracks t where t.id = any (cast(:track_ids as bigint[]))
