-- Whether nobody else brings the mirror up to date: then this session alone may, until it unlocks or ends.
select pg_try_advisory_lock(hashtextextended('search.mirror_sync', 0))
