-- Whether a job that embeds with a model is under way or will run.
select exists (
    select from procrastinate_jobs j
    where j.task_name = 'embed_track' and j.status in ('todo', 'doing') and j.args ->> 'model' = :identity
)
