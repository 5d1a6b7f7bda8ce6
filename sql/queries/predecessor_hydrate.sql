-- The rows behind the vector store's ids, in no order.
select t.id, t.title, a.handle as artist_handle, a.display_name as artist_display_name, t.image_url
from public.tracks t
join public.artists a on a.did = t.artist_did
where t.id = any (:ids)
