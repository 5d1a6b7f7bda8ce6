create or replace view search.queue as
select q.task, q.priority, q.waiting, q.retrying, q.running, q.failed, q.cancelled, q.done_last_minute, q.done_last_hour,
       q.oldest, clock_timestamp() - q.oldest as oldest_age,
       search_internal.jobs_awaiting_audio(q.task, q.priority) as awaiting_audio
from search_internal.queue_counts() as q
order by q.priority desc, q.task;
comment on view search.queue is 'The job queue by task and priority, in the order in which workers take from it.
Example: select task, waiting, running, failed, oldest_age from search.queue';
comment on column search.queue.task is 'What is done.';
comment on column search.queue.priority is 'Higher ones are done first: search.job_priority.';
comment on column search.queue.waiting is 'Jobs that wait for their first attempt.';
comment on column search.queue.retrying is 'Jobs that wait for another attempt.';
comment on column search.queue.running is 'Jobs that a worker has begun.';
comment on column search.queue.failed is 'Jobs that failed.';
comment on column search.queue.cancelled is 'Jobs that were cancelled.';
comment on column search.queue.done_last_minute is 'Jobs that ended well in the last minute.';
comment on column search.queue.done_last_hour is 'Jobs that ended well in the last hour.';
comment on column search.queue.oldest is 'When the oldest unfinished job was enqueued; those that wait for their audio are left out.';
comment on column search.queue.oldest_age is 'How long ago that is.';
comment on column search.queue.awaiting_audio is 'Jobs that wait for audio which the store does not have yet.';
