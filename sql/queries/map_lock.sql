-- Draw alone: two workers at once would each draw the same.
select pg_try_advisory_xact_lock(hashtextextended('search.map', 0))
