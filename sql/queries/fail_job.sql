-- Fail a stalled job; no row where another worker has rescued it meanwhile.
with stalled as (
    select id from procrastinate_jobs where id = :job_id and status = 'doing' and attempts = :attempts for update
)
select procrastinate_finish_job_v1(id, 'failed', false) from stalled
