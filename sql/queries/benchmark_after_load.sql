-- Rows were copied with ids of their own and past the triggers.
update search.embeddings e
set owner = t.artist_did
from public.tracks t
where t.id = e.track_id and t.visibility = 'private';
select setval(pg_get_serial_sequence('public.tracks', 'id'), (select max(id) from public.tracks)),
       setval(pg_get_serial_sequence('public.albums', 'id'), (select max(id) from public.albums)),
       setval(pg_get_serial_sequence('public.tags', 'id'), (select max(id) from public.tags)),
       setval(pg_get_serial_sequence('public.playlists', 'id'), (select max(id) from public.playlists));
