-- Claims of tracks: several processes that fill in the same results share the tracks among them.

create or replace function search_internal.claim_track(task text, model text, track_id bigint)
returns table (file_id text, key bigint, claimed boolean)
language plpgsql
set search_path = pg_catalog, search, pg_temp
as $$
begin
    select t.file_id into file_id from public.tracks t where t.id = claim_track.track_id;
    if not found then
        return;
    end if;
    key := hashtextextended(concat_ws(' ', 'search.backfill', task, model, track_id), 0);
    if exists (
        select from public.procrastinate_jobs j
        -- the job of a worker that has died is left for the taking
        join public.procrastinate_workers w on w.id = j.worker_id and w.last_heartbeat > now() - interval '30 seconds'
        where j.status = 'doing' and j.task_name = claim_track.task
          and j.args ->> 'track_id' = claim_track.track_id::text
          and coalesce(j.args ->> 'model', claim_track.model) = claim_track.model)
    then
        claimed := false;
    else
        -- ends with the session at the latest, so one that was killed holds nothing
        claimed := pg_try_advisory_lock(key);
    end if;
    return next;
end;
$$;
comment on function search_internal.claim_track(text, text, bigint) is
    'Claim a track for this session, unless another session has claimed it or a living worker is running the task on it. Returns the '
    'audio, the key to give to pg_advisory_unlock, and whether it was claimed; no row when the track is gone.';
