create or replace function search.model_coverage(
    identity text, out tracks bigint, out embedded bigint, out undecodable bigint, out failed bigint, out coverage real
)
language sql stable
set search_path = pg_catalog, search, pg_temp
as $$
    with model as (
        select m.id, m.identity from search.models m where m.identity = model_coverage.identity
    ), counted as (
        select count(*) as tracks, count(e.track_id) as embedded
        from model
        cross join public.tracks t
        left join search.embeddings e on e.model_id = model.id and e.track_id = t.id and e.file_id = t.file_id
    ), troubled as (
        select count(*) filter (where f.permanent) as undecodable, count(*) filter (where not f.permanent) as failed
        from model
        join search.job_failures f on f.model = model.identity and f.task = 'embed_track'
        join public.tracks t on t.id = f.track_id and t.file_id = f.file_id
    )
    select c.tracks, c.embedded, d.undecodable, d.failed,
           case when c.tracks <= d.undecodable then 1 else c.embedded::real / (c.tracks - d.undecodable) end
    from counted c, troubled d
    where exists (select from model);
$$;
comment on function search.model_coverage(text) is
    'How far the store of a model is filled: tracks in all, those with a vector of their present audio, those that cannot be '
    'decoded, those that failed otherwise and may be tried again, and the share embedded of those that can be.
Example: select m.name, c.* from search.models m, search.model_coverage(m.identity) c';

create or replace function search.request_model(identity text, coverage_wanted real default 1) returns bigint
language plpgsql
set search_path = pg_catalog, search, pg_temp
as $$
begin
    perform pg_advisory_xact_lock(hashtextextended('search.models', 0));
    if exists (select from search.models m where m.identity = request_model.identity and m.serving) then
        raise exception 'the model % serves already', identity using errcode = 'object_not_in_prerequisite_state';
    end if;
    update search.models m set candidate = false where m.candidate and m.identity <> request_model.identity;
    update search.models m
    set candidate = true, coverage_wanted = request_model.coverage_wanted, requested_at = now()
    where m.identity = request_model.identity;
    if not found then
        raise exception 'no model has the identity %', identity
            using errcode = 'no_data_found', hint = 'search.register_model creates its store.';
    end if;
    return search.enqueue_missing_embeddings(identity, search.job_priority('model_switch'));
end;
$$;
comment on function search.request_model(text, real) is
    'Make a registered model the candidate to serve next, in place of any other, enqueue the embedding of every track that it '
    'lacks, and return their number.
Example: select search.request_model(identity, 0.99) from search.models where not serving';

create or replace function search.finish_switch() returns text
language plpgsql
set search_path = pg_catalog, search, pg_temp
as $$
declare
    candidate search.models;
begin
    perform pg_advisory_xact_lock(hashtextextended('search.models', 0));
    select * into candidate from search.models m where m.candidate;
    if not found or (select c.coverage from search.model_coverage(candidate.identity) c) < candidate.coverage_wanted then
        return null;
    end if;
    perform search.serve_model(candidate.identity);
    return candidate.identity;
end;
$$;
comment on function search.finish_switch() is
    'Let the candidate serve if it has enough of the tracks, in the caller''s transaction; its identity, or null.
Example: select search.finish_switch()';

create or replace function search.cancel_switch() returns text
language sql
set search_path = pg_catalog, search, pg_temp
as $$
    update search.models m set candidate = false where m.candidate returning m.identity;
$$;
comment on function search.cancel_switch() is
    'Give up the candidate and return its identity; its store stays, and its jobs find nothing to do.
Example: select search.cancel_switch()';

create or replace function search.previous_model() returns text
language sql stable
set search_path = pg_catalog, search, pg_temp
as $$
    select m.identity from search.models m where not m.serving and m.retired_at is not null order by m.retired_at desc limit 1;
$$;
comment on function search.previous_model() is 'Identity of the model that served last, to return to.
Example: select search.previous_model()';

create or replace function search.remove_model(identity text) returns boolean
language plpgsql
set search_path = pg_catalog, search, pg_temp
as $$
declare
    removed search.models;
begin
    perform pg_advisory_xact_lock(hashtextextended('search.models', 0));
    select * into removed from search.models m where m.identity = remove_model.identity;
    if not found then
        return false;
    end if;
    if removed.serving or removed.candidate then
        raise exception 'the model % is in use', identity
            using errcode = 'object_in_use', hint = 'Let another serve first, or cancel the switch to it.';
    end if;
    execute format('drop table search.embeddings_%s', removed.id);
    delete from search.job_failures f where f.model = removed.identity;
    delete from search.models m where m.id = removed.id;
    return true;
end;
$$;
comment on function search.remove_model(text) is 'Drop the store of a model that is not in use; false when there is none.
Example: select search.remove_model(identity) from search.models where not serving and not candidate';

create or replace function search_internal.begin_switch(name text, identity text, dimensions integer, coverage_wanted real default 1)
returns bigint
language plpgsql
set search_path = pg_catalog, search, pg_temp
as $$
begin
    perform search.register_model(name, identity, dimensions);
    return search.request_model(identity, coverage_wanted);
end;
$$;
comment on function search_internal.begin_switch(text, text, integer, real) is
    'Register a model and make it the candidate to serve next; returns how many tracks are to be embedded by it.';

create or replace function search_internal.resume_switch() returns bigint
language plpgsql
set search_path = pg_catalog, search, pg_temp
as $$
declare
    -- while jobs of the candidate are in the queue, they are what is missing
    resumed constant text := (
        select m.identity
        from search.models m
        where m.candidate
          and not exists (
                select from public.procrastinate_jobs j
                where j.task_name = 'embed_track' and j.status in ('todo', 'doing') and j.args ->> 'model' = m.identity));
begin
    if resumed is null then
        return null;
    end if;
    return search.enqueue_missing_embeddings(resumed, search.job_priority('model_switch'), retry_failed => false);
end;
$$;
comment on function search_internal.resume_switch() is
    'Enqueue what the candidate lacks once its queue is empty, such as uploads that were under way when it was requested; returns '
    'their number, or null when there is no candidate or its queue is not empty.';

create or replace function search_internal.switch_now(name text, identity text, dimensions integer) returns bigint
language plpgsql
set search_path = pg_catalog, search, pg_temp
as $$
begin
    perform search.register_model(name, identity, dimensions);
    perform search.serve_model(identity);
    return search.enqueue_missing_embeddings(identity);
end;
$$;
comment on function search_internal.switch_now(text, text, integer) is
    'Register a model and let it serve at once, filled or not; returns how many tracks are to be embedded by it.';
