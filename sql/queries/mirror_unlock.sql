-- Let others bring the mirror up to date.
select pg_advisory_unlock(hashtextextended('search.mirror_sync', 0))
