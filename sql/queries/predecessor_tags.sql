-- Tags by name, whatever carries them.
select 'tag' as type, cast(g.id as text) as key, g.name as label, null as artist_handle,
       null as artist_display_name, null as image_url, similarity(g.name, :text) as relevance
from public.tags g
where similarity(g.name, :text) > 0.1 or g.name ilike :pattern
order by relevance desc, g.id
limit :limit
