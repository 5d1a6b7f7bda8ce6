-- Enqueue what a candidate lacks once its queue is empty: uploads that were under way when it was requested.
select search.enqueue_missing_embeddings(m.identity, search.job_priority('model_switch'), retry_failed => false)
from search.models m
where m.candidate
  and not exists (
        select from procrastinate_jobs j
        where j.task_name = 'embed_track' and j.status in ('todo', 'doing') and j.args ->> 'model' = m.identity)
