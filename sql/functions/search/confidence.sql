create or replace function search_internal.is_calibrated() returns boolean
language sql stable parallel safe
set search_path = pg_catalog, search, pg_temp
as $$
    select exists (select from search.calibrations c join search.models m on m.id = c.model_id and m.serving);
$$;
comment on function search_internal.is_calibrated() is
    'Whether the serving model has a calibration: before it has one, results by sound bear no confidence.';

create or replace function search_internal.sound_scale(
    query_embedding public.halfvec, audibility double precision default null,
    out mean real, out deviation real, out slope real, out intercept real, out audible real
)
language plpgsql stable parallel safe
set search_path = pg_catalog, search, pg_temp
as $$
declare
    calibration search.calibrations;
begin
    if query_embedding is null then
        return;
    end if;
    -- a vector of another size is refused by search.nearest_tracks, in words
    select c.* into calibration from search.calibrations c
    join search.models m on m.id = c.model_id and m.serving and m.dimensions = public.vector_dims(query_embedding);
    if not found then
        return;
    end if;
    select avg(s.similarity), case when stddev_samp(s.similarity) > 1e-6 then stddev_samp(s.similarity) end into mean, deviation
    from (
        select 1 - (t.embedding operator(public.<=>) query_embedding) as similarity
        from search.calibration_tracks t where t.model_id = calibration.model_id
    ) as s;
    slope := calibration.match_slope;
    intercept := calibration.match_intercept;
    audible := coalesce(search_internal.logistic(calibration.audibility_slope * audibility + calibration.audibility_intercept), 1);
end;
$$;
comment on function search_internal.sound_scale(public.halfvec, double precision) is
    'What turns this query''s similarities into confidence: mean and standard deviation over the sample of tracks, the '
    'serving model''s calibration, and the probability that the text speaks of sound at all (1 where that is not asked). '
    'All null before the first calibration.';

create or replace function search_internal.logistic(log_odds double precision) returns double precision
language sql immutable strict parallel safe
return 1 / (1 + exp(-greatest(-700, least(700, log_odds))));
comment on function search_internal.logistic(double precision) is 'Probability for log-odds.';

create or replace function search_internal.confidence(
    similarity real, mean real, deviation real, slope real, intercept real, audible real default 1
)
returns real
language sql immutable parallel safe
-- least and greatest pass over nulls, logistic does not
return (audible * search_internal.logistic(slope * (similarity - mean) / deviation + intercept))::real;
comment on function search_internal.confidence(real, real, real, real, real, real) is
    'How far a similarity can be trusted, 0 to 1: logistic(slope * z + intercept), z being its standard score, times the '
    'probability that the text speaks of sound. Platt (1999) for the logistic, T-norm''s sibling Z-norm for z: docs/why/confidence.md.';

create or replace function search_internal.draw_calibration_tracks(model smallint, most integer) returns integer
language plpgsql
set search_path = pg_catalog, search, pg_temp
as $$
declare
    -- a rough count is enough to choose how many pages to look at
    rows_about constant real := (select greatest(c.reltuples, 0) from pg_class c where c.oid = format('search.embeddings_%s', model)::regclass);
    -- rows of one page were written together: four times as many as are needed are drawn, and thinned out
    share constant real := case when rows_about < 8 * most then 100 else 100 * 4 * most / rows_about end;
    drawn integer;
begin
    -- two workers at once would each insert what the other did
    perform pg_advisory_xact_lock(hashtextextended('search.calibrations', 0));
    delete from search.calibration_tracks c where c.model_id = model;
    execute format(
        'insert into search.calibration_tracks (model_id, track_id, embedding) '
        'select $1, e.track_id, e.embedding from search.embeddings_%s e tablesample system ($2) '
        'where e.listed order by md5(e.track_id::text) limit $3', model)
    using model, share, most;
    get diagnostics drawn = row_count;
    return drawn;
end;
$$;
comment on function search_internal.draw_calibration_tracks(smallint, integer) is
    'Draw the sample of listed tracks of a model anew, and return how many it has.';
