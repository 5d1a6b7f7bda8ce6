-- Every title is compared: similarity() is a filter that no index serves.
select 'track' as type, cast(t.id as text) as key, t.title as label, a.handle as artist_handle,
       a.display_name as artist_display_name, t.image_url, similarity(t.title, :text) as relevance
from public.tracks t
join public.artists a on a.did = t.artist_did
where t.visibility in ('public', 'supporters') and (similarity(t.title, :text) > 0.1 or t.title ilike :pattern)
order by relevance desc, t.id
limit :limit
