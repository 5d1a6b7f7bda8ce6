-- Enqueue what the candidate lacks, once its queue is empty.
select search.resume_switch() as enqueued
