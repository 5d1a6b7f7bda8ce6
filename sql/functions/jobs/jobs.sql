create or replace function search_internal.defer_job(queue text, task text, arguments jsonb, priority integer default 0) returns bigint
language sql
set search_path = pg_catalog, search, pg_temp
as $$
    -- the only place that knows the version in the name of the queue's own function
    select (public.procrastinate_defer_jobs_v1(array[
        row(queue, task, priority, null, null, arguments, null)::public.procrastinate_job_to_defer_v1
    ]))[1];
$$;
comment on function search_internal.defer_job(text, text, jsonb, integer) is
    'Enqueue a job in the caller''s transaction and return its id: when that rolls back there is no job.';

create or replace function search.job_priority(reason text) returns integer
language plpgsql immutable strict parallel safe
set search_path = pg_catalog, pg_temp
as $$
begin
    case reason
        when 'upkeep' then return 10;
        when 'upload' then return 0;
        when 'on_demand' then return -5;
        when 'backfill' then return -10;
        when 'model_switch' then return -20;
        else raise exception 'no job has the reason %', reason
            using errcode = 'invalid_parameter_value', hint = 'upkeep, upload, on_demand, backfill or model_switch.';
    end case;
end;
$$;
comment on function search.job_priority(text) is
    'Which job goes first: upkeep (10, what keeps the queue healthy) before upload (0) before on_demand (a person waits for it) before backfill before model_switch. A worker '
    'takes the highest that waits, so none of the lower ones delays an upload by more than the job that it has begun.
Example: select search.job_priority(''backfill'')';

create or replace function search_internal.enqueue_track_jobs() returns trigger
language plpgsql security definer
set search_path = pg_catalog, search, pg_temp
as $$
declare
    arguments jsonb;
begin
    if not rule.wants_jobs(new) or tg_op = 'UPDATE' and new.file_id = old.file_id and rule.wants_jobs(old) then
        return null;
    end if;
    arguments := jsonb_build_object('track_id', new.id, 'file_id', new.file_id);
    -- a candidate too: whatever is uploaded during a switch must not be missing after it
    perform search_internal.defer_job('embed', 'embed_track', arguments || jsonb_build_object('model', m.identity))
    from search.models m where m.serving or m.candidate;
    perform search_internal.defer_job('classify', 'classify_genres', arguments);
    return null;
end;
$$;
comment on function search_internal.enqueue_track_jobs() is 'Enqueues the jobs that a new, replaced or published recording needs: its genres, and a vector in the serving model and in a candidate.';
revoke execute on function search_internal.enqueue_track_jobs() from public;

create or replace function search.unprocessed_tracks(task text, identity text default null, permanent boolean default false)
returns table (track_id bigint, file_id text, model text, job_id bigint, failed boolean)
language sql stable
set search_path = pg_catalog, search, pg_temp
-- a queue that has just been filled has no statistics yet, and a loop within a loop over both takes hours
set enable_nestloop = off
as $$
    with serving as (
        select m.identity from search.models m where m.serving
    ), lacking as (
        select t.id, t.file_id, m.identity as model
        from public.tracks t, search.models m
        where unprocessed_tracks.task = 'embed_track' and rule.jobs_wanted(t)
          and m.identity = coalesce(unprocessed_tracks.identity, (select s.identity from serving s))
          and not exists (
                select from search.embeddings e
                where e.model_id = m.id and e.track_id = t.id and e.file_id = t.file_id)
        union all
        select t.id, t.file_id, ''
        from public.tracks t
        where unprocessed_tracks.task = 'classify_genres' and rule.jobs_wanted(t)
          and t.extra ->> 'genre_predictions_file_id' is distinct from t.file_id
    ), pending as (
        -- a job that names no model embeds with the one that serves
        select (j.args ->> 'track_id')::bigint as track_id, j.args ->> 'file_id' as file_id, max(j.id) as job_id,
               case when j.task_name = 'embed_track'
                    then coalesce(j.args ->> 'model', (select s.identity from serving s)) else '' end as model
        from public.procrastinate_jobs j
        where j.task_name = unprocessed_tracks.task and j.status in ('todo', 'doing')
        group by 1, 2, 4
    )
    select l.id, l.file_id, l.model, p.job_id, f.track_id is not null
    from lacking l
    left join pending p on p.track_id = l.id and p.file_id = l.file_id and p.model = l.model
    left join search.job_failures f
        on f.track_id = l.id and f.file_id = l.file_id and f.task = unprocessed_tracks.task and f.model = l.model
    where unprocessed_tracks.permanent or not coalesce(f.permanent, false);
$$;
comment on function search.unprocessed_tracks(text, text, boolean) is
    'The tracks whose present audio lacks the result of a task that they are to have, embed_track in a model, the serving one unless another is named, or '
    'classify_genres; the job of each that waits or runs, and whether an attempt has failed. Those whose audio cannot be decoded '
    'are among them only with permanent true.
Example: select track_id, failed from search.unprocessed_tracks(''embed_track'')';

-- the signatures of before: beside the present ones, a call would be ambiguous
drop function if exists search.enqueue_missing_embeddings(text, integer, boolean);
drop function if exists search.enqueue_missing_genres(integer, boolean);

create or replace function search.enqueue_missing_embeddings(
    identity text default null, priority integer default search.job_priority('backfill'), retry_failed boolean default true, most bigint default null,
    permanent boolean default false
)
returns bigint
language plpgsql
set search_path = pg_catalog, search, pg_temp
as $$
begin
    -- whoever comes second waits, and then sees the jobs of whoever was first
    perform pg_advisory_xact_lock(hashtextextended('search.enqueue_missing_embeddings', 0));
    return (
        select count(search_internal.defer_job(
            'embed', 'embed_track',
            jsonb_build_object('track_id', u.track_id, 'file_id', u.file_id, 'model', u.model), priority))
        from (
            select * from search.unprocessed_tracks('embed_track', identity, permanent) u
            where retry_failed or not u.failed
            order by u.failed, u.track_id
            limit most
        ) as u
        where u.job_id is null);
end;
$$;
comment on function search.enqueue_missing_embeddings(text, integer, boolean, bigint, boolean) is
    'Enqueue a job for each track without a vector in a model, the serving one unless another is named, except where one is '
    'pending or its audio cannot be decoded; with retry_failed false also where it failed for another reason, with permanent true '
    'not even there. With most, only the first so many of them, pending ones included: those that have not failed yet, by id, then the '
    'others. Behind new uploads, unless the priority says otherwise. Returns how many were enqueued.
Example: select search.enqueue_missing_embeddings(most => 1000)';

create or replace function search.enqueue_missing_genres(
    priority integer default search.job_priority('backfill'), retry_failed boolean default true, most bigint default null, permanent boolean default false
)
returns bigint
language plpgsql
set search_path = pg_catalog, search, pg_temp
as $$
begin
    perform pg_advisory_xact_lock(hashtextextended('search.enqueue_missing_genres', 0));
    return (
        select count(search_internal.defer_job(
            'classify', 'classify_genres',
            jsonb_build_object('track_id', u.track_id, 'file_id', u.file_id), priority))
        from (
            select * from search.unprocessed_tracks('classify_genres', permanent => permanent) u
            where retry_failed or not u.failed
            order by u.failed, u.track_id
            limit most
        ) as u
        where u.job_id is null);
end;
$$;
comment on function search.enqueue_missing_genres(integer, boolean, bigint, boolean) is
    'Enqueue a job for each track whose present audio has no genre predictions; otherwise as search.enqueue_missing_embeddings.
Example: select search.enqueue_missing_genres(most => 1000)';
