-- What a connection has to know of its server.

-- known_server: Where the catalogue's tables, the queue and the extensions are, and the process that answers.
-- by names, since a role without rights on a schema may not ask to_regclass about it
select array(
           select c.relname::text from pg_catalog.pg_class c
           join pg_catalog.pg_namespace n on n.oid = c.relnamespace and n.nspname = 'search'
           where c.relname = any (array['artists', 'albums', 'tracks', 'tags', 'track_tags', 'playlists', 'playlist_tracks', 'feature_flags'])
           order by 1
       ) as tables,
       exists (
           select from pg_catalog.pg_class c
           join pg_catalog.pg_namespace n on n.oid = c.relnamespace and n.nspname = 'search'
           where c.relname = 'procrastinate_jobs'
       ) as own_queue,
       array(select e.extname::text from pg_catalog.pg_extension e order by e.extname) as extensions,
       array(select e.extnamespace::regnamespace::text from pg_catalog.pg_extension e order by e.extname) as schemas,
       pg_catalog.pg_backend_pid() as pid
