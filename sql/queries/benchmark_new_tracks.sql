-- What new tracks might be called and where they might belong: as those that are there.
select t.title, t.artist_did, t.album_id
from public.tracks t
order by md5(t.id || 'new')
limit :count
