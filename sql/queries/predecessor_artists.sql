-- An artist is as near as the nearer of both names.
select 'artist' as type, a.did as key, a.display_name as label, a.handle as artist_handle,
       a.display_name as artist_display_name, a.avatar_url as image_url,
       greatest(similarity(a.handle, :text), similarity(a.display_name, :text)) as relevance
from public.artists a
where similarity(a.handle, :text) > 0.1 or similarity(a.display_name, :text) > 0.1
   or a.handle ilike :pattern or a.display_name ilike :pattern
order by relevance desc, a.did
limit :limit
