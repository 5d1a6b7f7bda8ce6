-- The file behind an id, when the viewer may play a track that uses it; the most open such track decides.
select t.file_type, t.r2_url, t.visibility in ('public', 'unlisted') as open
from tracks t
where t.file_id = :file_id
  and (t.visibility in ('public', 'unlisted') or t.artist_did = :viewer or cast(:everything as boolean))
order by array_position(array['public', 'unlisted', 'supporters', 'private'], t.visibility)
limit 1
