-- Vectors of any model that are not what they should be.
with checked as (
    select e.track_id, t.title, m.identity as model, t.id is null as orphan,
           vector_dims(e.embedding) as dimensions, m.dimensions as wanted, l2_norm(e.embedding) as length,
           e.listed is distinct from search.is_listed(t.visibility)
               or e.owner is distinct from search.private_owner(t.visibility, t.artist_did) as misplaced
    from search.embeddings e
    join search.models m on m.id = e.model_id
    left join tracks t on t.id = e.track_id
)
select 'no such track' as kind, c.track_id, c.title, c.model, null as detail from checked c where c.orphan
union all
select 'wrong dimensions', c.track_id, c.title, c.model, format('%s, not %s', c.dimensions, c.wanted)
from checked c where c.dimensions <> c.wanted
union all
select 'wrong length', c.track_id, c.title, c.model, format('%s, not 1', round(c.length::numeric, 4))
from checked c where abs(c.length - 1) > :tolerance or c.length = 'NaN'
union all
select 'wrong visibility', c.track_id, c.title, c.model, 'it is not that of the track' from checked c where c.misplaced and not c.orphan
order by kind, track_id, model
