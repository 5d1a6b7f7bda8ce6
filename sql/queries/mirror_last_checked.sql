-- How far the comparisons of a namespace went, the last time; null when it ended at the end, or there was none.
select k.last_id from search.mirror_checks k where k.namespace = :namespace order by k.id desc limit 1
