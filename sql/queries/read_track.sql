-- A track as its page shows it; the viewer decides in Python, by visibility and artist.
select t.id, t.title, t.artist_did, a.handle as artist_handle, a.display_name as artist_display_name,
       al.title as album_title, t.image_url, t.file_id, t.file_type, t.visibility, t.play_count, t.created_at,
       array(
           select g.name from track_tags tt join tags g on g.id = tt.tag_id where tt.track_id = t.id order by g.name
       ) as tags
from tracks t
join artists a on a.did = t.artist_did
left join albums al on al.id = t.album_id
where t.id = :track_id
