create or replace function search.has_flag(viewer text, flag text) returns boolean
language sql stable parallel safe
set search_path = pg_catalog, search, pg_temp
as $$
    select exists (select from public.feature_flags f where f.artist_did = viewer and f.flag = has_flag.flag);
$$;
comment on function search.has_flag(text, text) is 'Whether a feature is switched on for this viewer; never for somebody unknown.
Example: select search.has_flag(''did:plc:ann'', ''vibe-search'')';
