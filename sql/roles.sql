-- What vibe_app and vibe_reader may do. Run by the owner of the database's objects, again after each migration; both roles exist by then.

do $$
declare
    found record;
begin
    -- a database may hold tables of others: nothing is granted on what is not the search's
    for found in
        select c.oid::regclass as name, c.relname
        from pg_class c
        where c.relkind in ('r', 'p', 'v') and (
            c.relnamespace = 'search'::regnamespace
            or c.relnamespace = 'public'::regnamespace and (
                c.relname in ('artists', 'albums', 'tracks', 'tags', 'track_tags', 'playlists', 'playlist_tracks', 'feature_flags',
                              'vibe_search_version')
                -- an application may have a queue of its own there, where ours is in the schema of search
                or c.relname like 'procrastinate\_%' and to_regclass('search.procrastinate_jobs') is null))
    loop
        -- what an earlier version granted and this one does not is taken back
        execute format('revoke all on %s from vibe_app, vibe_reader', found.name);
        execute format('grant select on %s to vibe_app, vibe_reader', found.name);
        -- which version the schema has, migrations alone say, and which stores there are, the owner
        if found.relname not in ('vibe_search_version', 'schema_state', 'models') then
            execute format('grant insert, update, delete on %s to vibe_app', found.name);
        end if;
    end loop;
    for found in
        select c.oid::regclass as name
        from pg_class c
        where c.relkind = 'S' and (
            c.relnamespace = 'search'::regnamespace
            or c.relnamespace = 'public'::regnamespace and (
                c.relname like 'procrastinate\_%' and to_regclass('search.procrastinate_jobs') is null
                or exists (
                    select from pg_depend d
                    join pg_class t on t.oid = d.refobjid
                    where d.objid = c.oid and d.deptype in ('a', 'i')
                      and t.relname in ('artists', 'albums', 'tracks', 'tags', 'playlists'))))
    loop
        execute format('grant usage, select on sequence %s to vibe_app', found.name);
    end loop;
end;
$$;

grant usage on schema public, search, search_internal to vibe_app, vibe_reader;

-- extensions may be in schemas of their own
do $$
declare
    home regnamespace;
begin
    for home in
        select distinct e.extnamespace::regnamespace
        from pg_extension e
        where e.extname in ('vector', 'pg_trgm', 'unaccent', 'fuzzystrmatch')
          and not (has_schema_privilege('vibe_app', e.extnamespace, 'usage') and has_schema_privilege('vibe_reader', e.extnamespace, 'usage'))
    loop
        execute format('grant usage on schema %s to vibe_app, vibe_reader', home);
        -- who may use a schema, and may not grant it, gets a warning
        if not has_schema_privilege('vibe_app', home, 'usage') then
            raise insufficient_privilege using message = format('permission denied for schema %s', home);
        end if;
    end loop;
end;
$$;

-- a worker lets the candidate serve; what a model is, it cannot change
grant update (serving, candidate, served_at, retired_at) on search.models to vibe_app;
grant execute on function search_internal.bind_nearest_tracks() to vibe_app;

-- the groups of viewers, which rules of an adopted catalogue make
do $$
begin
    if to_regprocedure('search.groups_of(text)') is not null then
        grant execute on function search.groups_of(text) to vibe_app, vibe_reader;
    end if;
end;
$$;

-- hashes of tokens are for whoever checks them
revoke all on search.tokens from vibe_reader;

-- The store of the next model, and what a migration adds until roles are granted again; whoever runs this, these objects are the owner's.
do $$
declare
    owner regrole := (select c.relowner::regrole from pg_class c where c.oid = 'search.models'::regclass);
begin
    execute format('alter default privileges for role %s in schema search grant select, insert, update, delete on tables to vibe_app', owner);
    execute format('alter default privileges for role %s in schema search grant usage, select on sequences to vibe_app', owner);
    execute format('alter default privileges for role %s in schema search grant select on tables to vibe_reader', owner);
end;
$$;

-- a search takes milliseconds; what takes minutes (a backfill of millions) asks for them itself, by PGOPTIONS
alter role vibe_app set statement_timeout = '2min';
alter role vibe_app set lock_timeout = '10s';
-- drawing the map computes for half a minute within its transaction
alter role vibe_app set idle_in_transaction_session_timeout = '10min';
alter role vibe_reader set statement_timeout = '30s';
alter role vibe_reader set lock_timeout = '2s';
alter role vibe_reader set idle_in_transaction_session_timeout = '1min';
alter role vibe_reader set default_transaction_read_only = on;
