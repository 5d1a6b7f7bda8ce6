create or replace function search.release_table(name text) returns boolean
language plpgsql
set search_path = pg_catalog, search, pg_temp
as $$
declare
    stands constant regclass := to_regclass('search.' || quote_ident(release_table.name));
    found record;
begin
    if stands is null then
        return false;
    end if;
    if release_table.name not in ('artists', 'albums', 'tracks', 'tags', 'track_tags', 'playlists', 'playlist_tracks', 'feature_flags')
        or to_regclass('public.' || quote_ident(release_table.name)) is null
    then
        raise exception 'search.% stands before no table of an application', release_table.name
            using errcode = 'invalid_parameter_value', hint = 'Name a table of the catalogue that is in schema public too.';
    end if;
    for found in
        select p.oid, p.prosrc from pg_proc p
        where p.pronamespace in ('search'::regnamespace, 'search_internal'::regnamespace) and p.prosqlbody is null
          and p.prosrc ~ ('\msearch\.' || release_table.name || '\M')
    loop
        execute replace(
            pg_get_functiondef(found.oid), found.prosrc,
            regexp_replace(found.prosrc, '\msearch\.' || release_table.name || '\M', 'public.' || release_table.name, 'g'));
    end loop;
    execute format(
        'drop %s search.%I cascade',
        case (select c.relkind from pg_class c where c.oid = stands) when 'v' then 'view' else 'table' end, release_table.name);
    -- by which the next adoption sees that there is something to do
    delete from search.schema_state s where s.key = 'adopted';
    return true;
end;
$$;
comment on function search.release_table(text) is
    'Drop the view or table of schema search that stands before a table of the application, and let search read that table itself until '
    'vibe-search db adopt is run again. False where nothing stands before it.
Example: select search.release_table(''tags'')';
