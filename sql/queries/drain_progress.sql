-- Jobs on tracks by state, for a progress bar.
select count(*) filter (where status in ('todo', 'doing')) as pending,
       count(*) filter (where status = 'todo' and attempts > 0 and scheduled_at > now()) as waiting_to_retry,
       count(distinct args ->> 'track_id') filter (where status in ('todo', 'doing')) as tracks_pending
from procrastinate_jobs
where queue_name in ('embed', 'classify')
