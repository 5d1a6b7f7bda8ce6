-- A second model, whose store is being filled.

select search.register_model('second', 'second-8d', 8);
select search.request_model('second-8d', 0.9);
insert into search.embeddings (track_id, model_id, file_id, embedding, listed, owner, embedded_at)
select t.id, m.id, t.file_id, '[0,0,0,1,0,0,0,0]', search.is_listed(t.visibility),
       search.private_owner(t.visibility, t.artist_did), '2024-08-02'
from tracks t, search.models m
where m.identity = 'second-8d' and t.id = 1;
