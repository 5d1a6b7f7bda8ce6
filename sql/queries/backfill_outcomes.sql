-- What became of the tracks of a backfill: each outcome with its number of tracks, and its five most frequent reasons.
with wanted as (
    select unnest(cast(:tracks as bigint[])) as id
), lacking as (
    select u.track_id from search.unprocessed_tracks(:task, :identity, true) u
), judged as (
    select w.id, f.reason,
           case when t.id is null then 'gone'
                when l.track_id is null then 'done'
                when f.permanent then 'undecodable'
                when f.reason is not null then 'failed'
                else 'left' end as outcome
    from wanted w
    left join tracks t on t.id = w.id
    left join lacking l on l.track_id = w.id
    left join search.job_failures f
        on f.track_id = t.id and f.file_id = t.file_id and f.task = :task and f.model = coalesce(:identity, '')
       and l.track_id is not null
), counted as (
    select j.outcome, j.reason, count(*) as tracks, min(j.id) as example,
           sum(count(*)) over (partition by j.outcome) as in_all,
           row_number() over (partition by j.outcome order by count(*) desc, min(j.id)) as place
    from judged j
    group by j.outcome, j.reason
)
select c.outcome, c.reason, c.tracks, c.example, cast(c.in_all as bigint) as in_all
from counted c
where c.place <= 5
order by c.outcome, c.place
