-- What a DBA asks of the search, in psql.

create or replace function search.recall_check(sample integer default 100, nearest integer default 10)
returns table (searches bigint, recall double precision, worst double precision, index_ms double precision, exact_ms double precision)
language plpgsql volatile
set search_path = pg_catalog, search, pg_temp
as $$
declare
    probe record;
    found real[];
    exact real[];
    began timestamptz;
    -- what rounding may do to a similarity that is computed twice
    rounding constant real := 1e-5;
begin
    searches := 0; recall := 0; worst := 1; index_ms := 0; exact_ms := 0;
    for probe in
        select e.model_id, e.embedding
        from search.embeddings e
        join search.models m on m.id = e.model_id and m.serving
        where e.listed
        order by random()
        limit greatest(sample, 1)
    loop
        began := clock_timestamp();
        found := array(select n.similarity from search.nearest_tracks(probe.embedding, null, nearest) as n);
        index_ms := index_ms + 1000 * extract(epoch from clock_timestamp() - began);
        began := clock_timestamp();
        -- without the cast that the index is made with, everything is read
        exact := array(
            select (1 - (e.embedding operator(public.<=>) probe.embedding))::real
            from search.embeddings e
            where e.model_id = probe.model_id and e.listed
            order by e.embedding operator(public.<=>) probe.embedding
            limit nearest);
        exact_ms := exact_ms + 1000 * extract(epoch from clock_timestamp() - began);
        searches := searches + 1;
        -- by similarity and not by track: of two copies of a recording either is right
        recall := recall + least(1, (
            select count(*)::double precision from unnest(found) as f(similarity)
            where f.similarity >= exact[cardinality(exact)] - rounding) / cardinality(exact));
        worst := least(worst, (
            select count(*)::double precision from unnest(found) as f(similarity)
            where f.similarity >= exact[cardinality(exact)] - rounding) / cardinality(exact));
    end loop;
    if searches = 0 then
        recall := null; worst := null; index_ms := null; exact_ms := null;
    else
        recall := recall / searches;
        index_ms := index_ms / searches;
        exact_ms := exact_ms / searches;
    end if;
    return next;
end;
$$;
comment on function search.recall_check(integer, integer) is
    'How many of the exactly nearest tracks the index finds: for a random sample of stored vectors, the share of their nearest, '
    'the worst share of one, and the mean milliseconds of both ways. Reads all vectors once for each of the sample.
Example: select * from search.recall_check(10)';

create or replace function search_internal.slow_statements(most integer default 50)
returns table (query text, calls bigint, mean_ms double precision, worst_ms double precision, total_ms double precision,
               rows_each double precision, read_share double precision)
language plpgsql stable
set search_path = pg_catalog, pg_temp
as $$
declare
    home text := (
        select quote_ident(n.nspname) from pg_extension x join pg_namespace n on n.oid = x.extnamespace
        where x.extname = 'pg_stat_statements');
begin
    -- without the extension, or without its library in shared_preload_libraries, there is nothing to tell
    if home is null or current_setting('shared_preload_libraries') !~ 'pg_stat_statements' then
        return;
    end if;
    return query execute format($query$
        select s.query, s.calls, s.mean_exec_time, s.max_exec_time, s.total_exec_time,
               s.rows::double precision / s.calls,
               s.shared_blks_read::double precision / nullif(s.shared_blks_read + s.shared_blks_hit, 0)
        from %s.pg_stat_statements s
        where s.dbid = (select oid from pg_database where datname = current_database()) and s.calls > 0
        order by s.total_exec_time desc
        limit $1$query$, home) using most;
end;
$$;
comment on function search_internal.slow_statements(integer) is
    'The statements of this database that took most time in all, by pg_stat_statements; none where that extension is not in use.';
