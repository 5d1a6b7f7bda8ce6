-- What `vibe-search audit` compares.

-- processing_audit: What has been done to each track, by artist.
select * from search.processing_audit() p order by p.artist_handle, p.track_id

-- audited_tracks: Every track with its audio.
select t.id, t.title, t.file_id, t.file_type from public.tracks t order by t.id

-- audited_vectors: The vectors of the serving model, with the audio that each was made from.
select e.track_id, e.file_id
from search.embeddings e
join search.models m on m.id = e.model_id and m.serving

-- audited_reasons: Why tracks lack a vector in the serving model.
select u.track_id, u.job_id is not null as pending, f.reason, f.permanent
from search.unprocessed_tracks('embed_track', permanent => true) u
left join search.job_failures f
    on f.track_id = u.track_id and f.file_id = u.file_id and f.task = 'embed_track' and f.model = u.model

-- damaged_vectors: Vectors of any model that have no track, or wrong dimensions, length or visibility.
with checked as (
    select e.track_id, t.title, m.identity as model, t.id is null as orphan,
           public.vector_dims(e.embedding) as dimensions, m.dimensions as wanted, public.l2_norm(e.embedding) as length,
           e.listed is distinct from search.is_listed(t.visibility)
               or e.owner is distinct from search.private_owner(t.visibility, t.artist_did)
               or e.audience is distinct from search_internal.audience(t.visibility) as misplaced
    from search.embeddings e
    join search.models m on m.id = e.model_id
    left join public.tracks t on t.id = e.track_id
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
