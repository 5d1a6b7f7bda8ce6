-- Public playlists by name.
select 'playlist' as type, cast(l.id as text) as key, l.name as label, a.handle as artist_handle,
       a.display_name as artist_display_name, l.image_url, similarity(l.name, :text) as relevance
from public.playlists l
join public.artists a on a.did = l.owner_did
where l.visibility = 'public' and (similarity(l.name, :text) > 0.1 or l.name ilike :pattern)
order by relevance desc, l.id
limit :limit
