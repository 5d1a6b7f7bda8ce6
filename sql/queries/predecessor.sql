-- The replaced system's search as it is since August 2026, which benchmark and evaluation compare with.

-- predecessor_tracks: Tracks by title.
-- every title is compared, since no index serves similarity() as a filter
select 'track' as type, cast(t.id as text) as key, t.title as label, a.handle as artist_handle,
       a.display_name as artist_display_name, t.image_url,
       case when n.name = :needle then 5
            when n.name like :begins then 3 + public.word_similarity(:needle, n.name)
            when n.name like :contains then 1.5 + public.word_similarity(:needle, n.name)
            else public.word_similarity(:needle, n.name) end as relevance
from public.tracks t
join public.artists a on a.did = t.artist_did
cross join lateral (select lower(translate(t.title, '’‘“”', '''''""')) as name) as n
where search.is_listed(t.visibility) and (public.similarity(t.title, :text) > 0.1 or n.name like :contains)
order by relevance desc, t.id
limit :limit

-- predecessor_artists: Artists by handle and display name; the nearer of both counts.
select 'artist' as type, a.did as key, a.display_name as label, a.handle as artist_handle,
       a.display_name as artist_display_name, a.avatar_url as image_url,
       greatest(
           case when h.name = :needle then 5
                when h.name like :begins then 3 + public.word_similarity(:needle, h.name)
                when h.name like :contains then 1.5 + public.word_similarity(:needle, h.name)
                else public.word_similarity(:needle, h.name) end,
           case when n.name = :needle then 5
                when n.name like :begins then 3 + public.word_similarity(:needle, n.name)
                when n.name like :contains then 1.5 + public.word_similarity(:needle, n.name)
                else public.word_similarity(:needle, n.name) end) as relevance
from public.artists a
cross join lateral (select lower(translate(a.handle, '’‘“”', '''''""')) as name) as h
cross join lateral (select lower(translate(a.display_name, '’‘“”', '''''""')) as name) as n
where public.similarity(a.handle, :text) > 0.1 or h.name like :contains
   or public.similarity(a.display_name, :text) > 0.1 or n.name like :contains
order by relevance desc, a.did
limit :limit

-- predecessor_albums: Albums by title that have a track.
select 'album' as type, cast(b.id as text) as key, b.title as label, a.handle as artist_handle,
       a.display_name as artist_display_name, b.image_url,
       case when n.name = :needle then 5
            when n.name like :begins then 3 + public.word_similarity(:needle, n.name)
            when n.name like :contains then 1.5 + public.word_similarity(:needle, n.name)
            else public.word_similarity(:needle, n.name) end as relevance
from public.albums b
join public.artists a on a.did = b.artist_did
cross join lateral (select lower(translate(b.title, '’‘“”', '''''""')) as name) as n
where (public.similarity(b.title, :text) > 0.1 or n.name like :contains)
  and exists (select from public.tracks t where t.album_id = b.id)
order by relevance desc, b.id
limit :limit

-- predecessor_tags: Tags by name.
select 'tag' as type, cast(g.id as text) as key, g.name as label, null as artist_handle,
       null as artist_display_name, null as image_url,
       case when n.name = :needle then 5
            when n.name like :begins then 3 + public.word_similarity(:needle, n.name)
            when n.name like :contains then 1.5 + public.word_similarity(:needle, n.name)
            else public.word_similarity(:needle, n.name) end as relevance
from public.tags g
cross join lateral (select lower(translate(g.name, '’‘“”', '''''""')) as name) as n
where public.similarity(g.name, :text) > 0.1 or n.name like :contains
order by relevance desc, g.id
limit :limit

-- predecessor_playlists: Listed playlists by name.
select 'playlist' as type, cast(l.id as text) as key, l.name as label, a.handle as artist_handle,
       a.display_name as artist_display_name, l.image_url,
       case when n.name = :needle then 5
            when n.name like :begins then 3 + public.word_similarity(:needle, n.name)
            when n.name like :contains then 1.5 + public.word_similarity(:needle, n.name)
            else public.word_similarity(:needle, n.name) end as relevance
from public.playlists l
join public.artists a on a.did = l.owner_did
cross join lateral (select lower(translate(l.name, '’‘“”', '''''""')) as name) as n
where search.is_listed(l.visibility) and (public.similarity(l.name, :text) > 0.1 or n.name like :contains)
order by relevance desc, l.id
limit :limit

-- predecessor_nearest: The vector store's answer: ids and distances.
select n.track_id, 1 - n.similarity as distance
from search.nearest_tracks(cast(:query_embedding as public.halfvec), null, :limit) n

-- predecessor_hydrate: The rows behind the vector store's ids, in no order.
select t.id, t.title, a.handle as artist_handle, a.display_name as artist_display_name, t.image_url
from public.tracks t
join public.artists a on a.did = t.artist_did
where t.id = any (:ids)
