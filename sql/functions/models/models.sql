create or replace function search.register_model(name text, identity text, dimensions integer) returns smallint
language plpgsql
set search_path = pg_catalog, search, pg_temp
as $$
declare
    new_id smallint;
begin
    insert into search.models as m (name, identity, dimensions)
    values (register_model.name, register_model.identity, register_model.dimensions)
    on conflict on constraint models_identity_key do nothing
    returning m.id into new_id;

    if new_id is null then
        return (select m.id from search.models m where m.identity = register_model.identity);
    end if;

    execute format(
        'create table search.embeddings_%1$s partition of search.embeddings '
        '(constraint embeddings_%1$s_dimensions check (public.vector_dims(embedding) = %2$s)) for values in (%1$s)',
        new_id, register_model.dimensions);
    -- private rows are few for each owner and read exactly; the graph holds only what everybody may find,
    -- so that no filter can make its answer short
    execute format(
        'create index embeddings_%1$s_hnsw_idx on search.embeddings_%1$s '
        'using hnsw ((embedding::public.halfvec(%2$s)) public.halfvec_cosine_ops) where listed',
        new_id, register_model.dimensions);
    execute format(
        'create index embeddings_%1$s_owner_idx on search.embeddings_%1$s (owner) where owner is not null', new_id);
    execute format(
        'create index embeddings_%1$s_audience_idx on search.embeddings_%1$s (audience) where audience is not null', new_id);
    return new_id;
end;
$$;
comment on function search.register_model(text, text, integer) is
    'Create the store of a model identity, once, and return the model''s id.
Example: select search.register_model(''my-model'', ''my-model@1'', 512)';

create or replace function search_internal.bind_nearest_tracks() returns void
-- A worker that finishes a switch may write rows, and not functions: this one is written by its owner, from search.models alone.
-- Whoever calls it must not become the owner by it: types of the caller's temporary schema come last, not first,
-- and of what is written into the new function only numbers are the caller's to choose.
language plpgsql security definer
set search_path = pg_catalog, search, pg_temp
as $outer$
declare
    serving search.models;
    described constant text :=
        'The k tracks that the viewer may find whose vectors are nearest to the query''s, by cosine similarity, in the serving model: '
        'of all, by the index, or of candidates that a mirror has named and of what it does not know yet.
Example: select n.track_id, n.similarity from search.track_embeddings e, search.nearest_tracks(e.embedding) n where e.track_id = 1';
begin
    -- of two that write the function at once, one would fail; serve_model holds this lock already
    perform pg_advisory_xact_lock(hashtextextended('search.models', 0));
    select * into serving from search.models m where m.serving;
    if not found then
        execute $empty$
            create or replace function search.nearest_tracks(
                query_embedding public.halfvec, viewer text default null, k integer default 20, candidates bigint[] default null)
            returns table (track_id bigint, similarity real)
            language sql stable parallel safe
            begin atomic select null::bigint, null::real where false; end
        $empty$;
        execute format('comment on function search.nearest_tracks(public.halfvec, text, integer, bigint[]) is %L', described);
        return;
    end if;

    -- a role that is no superuser may set an extension's parameter only once its library is loaded
    perform '[1]'::public.halfvec;

    -- Written anew at each switch, so that the statement names one partition and one cast:
    -- a parameter in their place would keep the index from being used.
    execute format($template$
        create or replace function search.nearest_tracks(
            query_embedding public.halfvec, viewer text default null, k integer default 20, candidates bigint[] default null)
        returns table (track_id bigint, similarity real)
        language plpgsql stable parallel safe
        set search_path = pg_catalog, search, pg_temp
        set hnsw.ef_search = 200
        set hnsw.iterative_scan = strict_order
        as $body$
        declare
            finders constant text[] := search_internal.finders(viewer);
        begin
            if query_embedding is null then
                return;
            end if;
            -- functions are looked up anew while a statement runs, its rows are not: between the two a switch may commit
            if not exists (select from search.models m where m.id = %1$s and m.serving) then
                raise exception 'the serving model was changed while this statement ran'
                    using errcode = 'serialization_failure', hint = 'Run it again.';
            end if;
            if public.vector_dims(query_embedding) <> %2$s then
                raise exception 'the query vector has %% dimensions, the serving model (%%) has %2$s',
                    public.vector_dims(query_embedding), (select m.identity from search.models m where m.id = %1$s)
                    using errcode = 'data_exception', hint = 'Embed the query with the model that serves.';
            end if;
            -- of the candidates some may not be listed any more, and a page must not be short for that: then the index is asked
            if candidates is not null
               and (select count(*) from search.embeddings_%1$s e where e.track_id = any (candidates) and e.listed) >= k then
                candidates := candidates || search_internal.unmirrored_tracks();
                return query
                    select found.track_id, (1 - found.distance)::real
                    from (
                        select e.track_id, e.embedding operator(public.<=>) query_embedding as distance
                        from search.embeddings_%1$s e
                        where e.track_id = any (candidates) and e.listed
                        union all
                        select e.track_id, e.embedding operator(public.<=>) query_embedding
                        from search.embeddings_%1$s e
                        where (e.owner = any (finders) or e.audience = any (finders))
                    ) as found
                    order by found.distance, found.track_id
                    limit k;
                return;
            end if;
            return query
                select found.track_id, (1 - found.distance)::real
                from (
                    (select e.track_id, e.embedding::public.halfvec(%2$s) operator(public.<=>) query_embedding as distance
                     from search.embeddings_%1$s e
                     where e.listed
                     order by e.embedding::public.halfvec(%2$s) operator(public.<=>) query_embedding
                     limit k)
                    union all
                    (select e.track_id, e.embedding operator(public.<=>) query_embedding
                     from search.embeddings_%1$s e
                     where (e.owner = any (finders) or e.audience = any (finders))
                     order by e.embedding operator(public.<=>) query_embedding
                     limit k)
                ) as found
                order by found.distance, found.track_id
                limit k;
        end;
        $body$
        $template$, serving.id, serving.dimensions, replace(replace(serving.identity, '%', '%%'), '''', ''''''));
    execute format('comment on function search.nearest_tracks(public.halfvec, text, integer, bigint[]) is %L', described);
end;
$outer$;
comment on function search_internal.bind_nearest_tracks() is 'Point search.nearest_tracks at the store of the serving model.';
-- it runs as its owner: whoever may call it is named in roles.sql
revoke execute on function search_internal.bind_nearest_tracks() from public;

create or replace function search.serve_model(identity text) returns void
language plpgsql
set search_path = pg_catalog, search, pg_temp
as $$
begin
    -- two switches at once would each write search.nearest_tracks
    perform pg_advisory_xact_lock(hashtextextended('search.models', 0));
    if not exists (select from search.models m where m.identity = serve_model.identity) then
        raise exception 'no model has the identity %', identity
            using errcode = 'no_data_found', hint = 'select name, identity from search.models';
    end if;
    update search.models m set serving = false, retired_at = now() where m.serving and m.identity <> serve_model.identity;
    update search.models m set serving = true, candidate = false, served_at = now(), retired_at = null
    where m.identity = serve_model.identity and not m.serving;
    perform search_internal.bind_nearest_tracks();
end;
$$;
comment on function search.serve_model(text) is 'Make one registered model the one that search reads, in the caller''s transaction.
Example: select search.serve_model(identity) from search.models where identity = search.previous_model()';
