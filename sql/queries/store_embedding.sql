-- The lock holds off a change of visibility until its trigger can see the new row.
with audio as (
    select t.id, t.file_id, t.visibility, t.artist_did
    from tracks t
    where t.id = :track_id and t.file_id = :file_id
    for share
)
insert into search.embeddings (track_id, model_id, file_id, embedding, listed, owner)
select audio.id, m.id, audio.file_id, cast(:embedding as halfvec),
       search.is_listed(audio.visibility), search.private_owner(audio.visibility, audio.artist_did)
from audio
join search.models m on m.identity = :identity
on conflict (track_id, model_id) do update
set file_id = excluded.file_id, embedding = excluded.embedding, listed = excluded.listed, owner = excluded.owner,
    embedded_at = now()
