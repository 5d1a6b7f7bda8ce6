-- The state of the mirror.
select l.* from search.mirror_lag l
