create or replace view search.queue as
select q.task, q.priority, q.waiting, q.retrying, q.running, q.failed, q.cancelled, q.done_last_minute, q.done_last_hour,
       q.oldest, clock_timestamp() - q.oldest as oldest_age
from search.queue_counts() as q
order by q.priority desc, q.task;
comment on view search.queue is 'The job queue by task and priority, in the order in which workers take from it.';
