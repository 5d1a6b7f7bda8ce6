-- Every track with its audio.
select t.id, t.title, t.file_id, t.file_type from tracks t order by t.id
