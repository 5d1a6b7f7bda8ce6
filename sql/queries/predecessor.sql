-- The replaced system's search, which benchmark and evaluation compare with.

-- predecessor_tracks: Tracks by title.
-- every title is compared, since no index serves similarity() as a filter
select 'track' as type, cast(t.id as text) as key, t.title as label, a.handle as artist_handle,
       a.display_name as artist_display_name, t.image_url, similarity(t.title, :text) as relevance
from public.tracks t
join public.artists a on a.did = t.artist_did
where t.visibility in ('public', 'supporters') and (similarity(t.title, :text) > 0.1 or t.title ilike :pattern)
order by relevance desc, t.id
limit :limit

-- predecessor_artists: Artists by handle and display name; the nearer of both counts.
select 'artist' as type, a.did as key, a.display_name as label, a.handle as artist_handle,
       a.display_name as artist_display_name, a.avatar_url as image_url,
       greatest(similarity(a.handle, :text), similarity(a.display_name, :text)) as relevance
from public.artists a
where similarity(a.handle, :text) > 0.1 or similarity(a.display_name, :text) > 0.1
   or a.handle ilike :pattern or a.display_name ilike :pattern
order by relevance desc, a.did
limit :limit

-- predecessor_albums: Albums by title.
select 'album' as type, cast(b.id as text) as key, b.title as label, a.handle as artist_handle,
       a.display_name as artist_display_name, b.image_url, similarity(b.title, :text) as relevance
from public.albums b
join public.artists a on a.did = b.artist_did
where similarity(b.title, :text) > 0.1 or b.title ilike :pattern
order by relevance desc, b.id
limit :limit

-- predecessor_tags: Tags by name.
select 'tag' as type, cast(g.id as text) as key, g.name as label, null as artist_handle,
       null as artist_display_name, null as image_url, similarity(g.name, :text) as relevance
from public.tags g
where similarity(g.name, :text) > 0.1 or g.name ilike :pattern
order by relevance desc, g.id
limit :limit

-- predecessor_playlists: Public playlists by name.
select 'playlist' as type, cast(l.id as text) as key, l.name as label, a.handle as artist_handle,
       a.display_name as artist_display_name, l.image_url, similarity(l.name, :text) as relevance
from public.playlists l
join public.artists a on a.did = l.owner_did
where coalesce(to_jsonb(l) ->> 'visibility', 'public') = 'public' and (similarity(l.name, :text) > 0.1 or l.name ilike :pattern)
order by relevance desc, l.id
limit :limit

-- predecessor_nearest: The vector store's answer: ids and distances.
select n.track_id, 1 - n.similarity as distance
from search.nearest_tracks(cast(:query_embedding as halfvec), null, :limit) n

-- predecessor_hydrate: The rows behind the vector store's ids, in no order.
select t.id, t.title, a.handle as artist_handle, a.display_name as artist_display_name, t.image_url
from public.tracks t
join public.artists a on a.did = t.artist_did
where t.id = any (:ids)
