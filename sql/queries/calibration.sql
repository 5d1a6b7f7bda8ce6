-- The samples that similarities are calibrated on.

-- calibration_due: The model, if it serves or is the candidate and its calibration is missing or out of date.
-- out of date: a tenth more or fewer tracks, or a day old; a large number of tracks is estimated, since counting takes long
select m.id as model_id, counted.tracks
from search.models m
left join search.calibrations c on c.model_id = m.id
cross join lateral (
    select case when rough.tracks > 10000 then rough.tracks::bigint
                else (select count(*) from search.embeddings e where e.model_id = m.id and e.listed) end as tracks
    from (select greatest(p.reltuples, 0) as tracks from pg_class p
          where p.oid = to_regclass('search.embeddings_' || m.id)) as rough
) as counted
where (m.serving or m.candidate) and m.identity = :identity
  and (:at_once or c.model_id is null and counted.tracks >= :fewest
       or abs(counted.tracks - c.tracks) > 0.1 * c.tracks or c.refreshed_at < now() - interval '1 day')

-- calibration_lacking: Whether a model has tracks enough for a calibration, and none.
select not exists (select from search.calibrations c where c.model_id = m.id)
       and (select count(*) from (
                select from search.embeddings e where e.model_id = m.id and e.listed limit :fewest) as counted) >= :fewest as lacking
from search.models m
where m.identity = :identity

-- lock_calibrations: Wait for another calibration to end; held to the end of the transaction.
select pg_advisory_xact_lock(hashtextextended('search.calibrations', 0))

-- embedding_due: Whether a job that embeds with a model waits to be begun.
select exists (
    select from public.procrastinate_jobs j
    join search.models m on m.identity = :identity
    where j.task_name = 'embed_track' and j.status = 'todo' and coalesce(j.scheduled_at <= now(), true)
      and j.queue_name <> search_internal.awaited_audio_queue()
      -- a job that names no model embeds with the one that serves
      and case when j.args ? 'model' then j.args ->> 'model' = m.identity else m.serving end
)

-- draw_calibration_tracks: Draw a new sample of a model's tracks.
select search_internal.draw_calibration_tracks(cast(:model_id as smallint), :most) as drawn

-- calibration_tracks: The vectors of a model's sample.
select c.embedding::text as embedding from search.calibration_tracks c where c.model_id = :model_id order by c.track_id

-- store_calibration: Store the result of a model's calibration.
insert into search.calibrations (
    model_id, match_slope, match_intercept, audibility_slope, audibility_intercept, tracks, sampled, hubness)
values (:model_id, :match_slope, :match_intercept, :audibility_slope, :audibility_intercept, :tracks, :sampled, :hubness)
on conflict (model_id) do update
set match_slope = excluded.match_slope, match_intercept = excluded.match_intercept,
    audibility_slope = excluded.audibility_slope, audibility_intercept = excluded.audibility_intercept,
    tracks = excluded.tracks, sampled = excluded.sampled, hubness = excluded.hubness, refreshed_at = now()
