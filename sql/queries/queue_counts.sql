-- The queue by task and priority, in the order in which workers take from it.
select * from search.queue_counts() order by priority desc, task
