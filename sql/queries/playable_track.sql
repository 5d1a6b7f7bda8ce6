-- The file behind an id, when at least one track that everybody may play uses it.
select t.file_type, t.visibility, t.r2_url
from tracks t
where t.file_id = :file_id
order by array_position(array['public', 'unlisted', 'supporters', 'private'], t.visibility)
limit 1
