create or replace function search.acting_artist() returns text
language sql stable
set search_path = pg_catalog, pg_temp
as $$
    select nullif(current_setting('search.acting_artist', true), '');
$$;
comment on function search.acting_artist() is
    'For whom the transaction writes to the catalogue: what an adopted table wants to know of a new tag or album.
Example: select search.acting_artist()';
