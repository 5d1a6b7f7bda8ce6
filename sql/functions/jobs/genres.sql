create or replace function search_internal.store_genre_predictions(track_id bigint, file_id text, predictions jsonb) returns boolean
language plpgsql
set search_path = pg_catalog, search, pg_temp
as $$
declare
    stored jsonb;
begin
    -- the lock makes a second run wait, and then find the flag gone
    select t.extra into stored
    from public.tracks t
    where t.id = store_genre_predictions.track_id and t.file_id = store_genre_predictions.file_id
    for no key update;
    if not found then
        return false;
    end if;

    update public.tracks t
    -- an adopted catalogue may have null in it
    set extra = case when jsonb_typeof(t.extra) = 'object' then t.extra - 'auto_tag' else '{}' end || jsonb_build_object(
        'genre_predictions', predictions, 'genre_predictions_file_id', t.file_id)
    where t.id = store_genre_predictions.track_id;
    if stored -> 'auto_tag' = 'true'::jsonb then
        perform search_internal.add_tags(store_genre_predictions.track_id, search_internal.choose_auto_tags(predictions));
    end if;
    return true;
end;
$$;
comment on function search_internal.store_genre_predictions(bigint, text, jsonb) is
    'Store what a classifier found in a track''s audio, in extra; where extra.auto_tag is true, make tags of the best of it and remove '
    'that flag. False, and nothing is done, when the track is gone or has other audio by now.';

create or replace function search_internal.choose_auto_tags(predictions jsonb) returns text[]
language sql immutable
set search_path = pg_catalog, pg_temp
as $$
    select coalesce(array_agg(chosen.name order by chosen.confidence desc, chosen.place), '{}')
    from (
        select p.value ->> 'name' as name, (p.value ->> 'confidence')::real as confidence, p.place
        from jsonb_array_elements(predictions) with ordinality as p (value, place)
        where (p.value ->> 'confidence')::real >= 0.5 * (
            select max((q ->> 'confidence')::real) from jsonb_array_elements(predictions) q)
        order by 2 desc, 3
        limit 5
    ) as chosen;
$$;
comment on function search_internal.choose_auto_tags(jsonb) is
    'The names of predictions that become tags by themselves: those with at least half of the best one''s confidence, five at most.';

create or replace function search_internal.add_tags(track_id bigint, names text[]) returns void
language plpgsql
set search_path = pg_catalog, search, pg_temp
as $$
begin
    perform set_config('search.acting_artist', t.artist_did, true) from public.tracks t where t.id = add_tags.track_id;
    -- in one order for everybody: two that add the same tags in different ones would wait for each other for ever
    insert into public.tags (name)
    select n.name from unnest(names) as n (name)
    where not exists (select from public.tags g where lower(g.name) = lower(n.name))
    order by n.name
    on conflict (name) do nothing;

    insert into public.track_tags (track_id, tag_id)
    select add_tags.track_id, min(g.id)
    from unnest(names) as n (name)
    join public.tags g on lower(g.name) = lower(n.name)
    where not exists (
        select from public.track_tags tt join public.tags own on own.id = tt.tag_id
        where tt.track_id = add_tags.track_id and lower(own.name) = lower(n.name))
    group by lower(n.name)
    order by min(g.id)
    on conflict do nothing;
end;
$$;
comment on function search_internal.add_tags(bigint, text[]) is
    'Put tags on a track beside those that it has, whatever their case; tags that do not exist are made.';

create or replace function search.request_genres(track_id bigint) returns boolean
language plpgsql
set search_path = pg_catalog, search, pg_temp
as $$
declare
    track public.tracks;
    waiting public.procrastinate_jobs;
begin
    -- one asks at a time: of two at once, the second finds the job of the first
    perform pg_advisory_xact_lock(hashtextextended('search.request_genres', request_genres.track_id));
    select * into track from public.tracks t where t.id = request_genres.track_id;
    if not found or track.extra ->> 'genre_predictions_file_id' = track.file_id
        or exists (select from search.job_failures f
                   where f.track_id = track.id and f.task = 'classify_genres' and f.file_id = track.file_id and f.permanent)
    then
        return false;
    end if;
    select * into waiting
    from public.procrastinate_jobs j
    where j.args ->> 'track_id' = track.id::text and j.status in ('todo', 'doing')
      and j.task_name = 'classify_genres' and j.args ->> 'file_id' = track.file_id
    order by j.status desc, j.priority desc
    limit 1;
    if not found then
        perform search_internal.defer_job(
            'classify', 'classify_genres', jsonb_build_object('track_id', track.id, 'file_id', track.file_id),
            search.job_priority('on_demand'));
    elsif waiting.priority < search.job_priority('on_demand') then
        update public.procrastinate_jobs j set priority = search.job_priority('on_demand')
        where j.id = waiting.id and j.status = 'todo';
    end if;
    return true;
end;
$$;
comment on function search.request_genres(bigint) is
    'Have a track classified for somebody who waits: before every backfill and behind uploads. False when there is nothing to wait for: '
    'no such track, predictions of its present audio, or audio that cannot be classified.
Example: select search.request_genres(1)';
