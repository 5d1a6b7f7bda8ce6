-- Albums by title, whatever they hold.
select 'album' as type, cast(b.id as text) as key, b.title as label, a.handle as artist_handle,
       a.display_name as artist_display_name, b.image_url, similarity(b.title, :text) as relevance
from public.albums b
join public.artists a on a.did = b.artist_did
where similarity(b.title, :text) > 0.1 or b.title ilike :pattern
order by relevance desc, b.id
limit :limit
