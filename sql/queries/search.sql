-- Searches, the vectors that they start from, and the upkeep of what they read.

-- unified_search: Search by name and sound; at least one row, which says whether vectors were compared.
-- a vector is compared only while its model serves, and for viewers who may have results by sound
select serving.available, serving.calibrated, serving.identity, serving.mirrored, u.type, u.tier, u.matched, u.relevance, u.similarity, u.confidence, u.details
from (
    select (select m.identity from search.models m where m.serving) as identity,
           exists (
               select from search.models m
               where m.serving and m.identity = :identity
                 -- before the first track is embedded there is nothing to compare with
                 and exists (select from search.embeddings e where e.model_id = m.id))
       and (cast(:everyone as boolean) or search.has_flag(:viewer, 'vibe-search'))
       -- beside names, sounds count only with a calibration
       and (cast(:q as text) is null or search_internal.is_calibrated()) as available,
           search_internal.is_calibrated() as calibrated,
           cast(:candidates as bigint[]) is not null
       and search_internal.mirror_serves(:namespace, cast(:max_lag as interval)) as mirrored
) as serving
left join lateral search.unified(
    :q, case when serving.available then cast(:query_embedding as public.halfvec) end, :viewer, cast(:types as text[]), :max_per_type,
    :audibility, :min_confidence, case when serving.mirrored then cast(:candidates as bigint[]) end
) as u on true

-- explain_track: The signals of one track among the results; at least one row, which says whether vectors were compared.
select serving.available, serving.calibrated, e.rank, e.tier, e.signal, e.signal_tier, e.signal_rank, e.value, e.confidence
from (
    select exists (
               select from search.models m
               where m.serving and m.identity = :identity
                 and exists (select from search.embeddings v where v.model_id = m.id))
       and (cast(:everyone as boolean) or search.has_flag(:viewer, 'vibe-search'))
       and (cast(:q as text) is null or search_internal.is_calibrated()) as available,
           search_internal.is_calibrated() as calibrated
) as serving
left join lateral search.explain(
    :q, case when serving.available then cast(:query_embedding as public.halfvec) end, :viewer, cast(:types as text[]), :max_per_type,
    :audibility, :min_confidence
) with ordinality as e on e.type = 'track' and e.key = :key
order by e.ordinality

-- similar_tracks: Neighbours of a track; one row without details when there are none, no row when the viewer may not find it.
select source.available, source.mirrored, s.similarity, s.near_duplicate, s.details
from (
    select t.id,
           exists (
               select from search.embeddings e join search.models m on m.id = e.model_id and m.serving
               where e.track_id = t.id)
           and (cast(:everyone as boolean) or search.has_flag(:viewer, 'vibe-search')) as available,
           cast(:candidates as bigint[]) is not null
           and search_internal.mirror_serves(:namespace, cast(:max_lag as interval)) as mirrored
    from public.tracks t
    where t.id = :track_id
      and search.visible_to(t.visibility, t.artist_did, :viewer)
) as source
left join lateral search.similar_tracks(
    case when source.available then source.id end, :viewer, :limit,
    case when source.mirrored then cast(:candidates as bigint[]) end
) with ordinality as s on true
order by s.ordinality

-- tracks_by_vector: Neighbours of a vector that is no track's; at least one row, which says whether it was compared.
select asked.available, asked.identity, asked.mirrored, s.similarity, s.near_duplicate, s.details
from (
    select (select m.identity from search.models m where m.serving) as identity,
           exists (
               select from search.models m
               where m.serving and m.identity = :identity
                 -- before the first track is embedded there is nothing to compare with
                 and exists (select from search.embeddings e where e.model_id = m.id))
       and (cast(:everyone as boolean) or search.has_flag(:viewer, 'vibe-search')) as available,
           cast(:candidates as bigint[]) is not null
       and search_internal.mirror_serves(:namespace, cast(:max_lag as interval)) as mirrored
) as asked
left join lateral search.tracks_by_vector(
    case when asked.available then cast(:query_embedding as public.halfvec) end, :viewer, :limit,
    case when asked.mirrored then cast(:candidates as bigint[]) end
) with ordinality as s on true
order by s.ordinality

-- track_vector: The vector of a track that the viewer may find, in the serving model.
select cast(e.embedding as text) as embedding, m.identity
from public.tracks t
join search.embeddings e on e.track_id = t.id
join search.models m on m.id = e.model_id and m.serving
where t.id = :track_id
  and search.visible_to(t.visibility, t.artist_did, :viewer)

-- liked_tracks: Vectors of the tracks that a query names and the viewer may find; null for a track without one.
select t.id, cast(e.embedding as text) as embedding
from public.tracks t
left join (search.embeddings e join search.models m on m.id = e.model_id and m.identity = :identity) on e.track_id = t.id
where t.id = any (cast(:track_ids as bigint[]))
  and search.visible_to(t.visibility, t.artist_did, :viewer)

-- complete_tag: Tags whose names begin with a text, those on most listed tracks first.
select t.name, t.track_count from search.complete_tag(:prefix, :k) as t

-- fold_track_counts: Add up the changes of track counts that transactions have left.
select search_internal.fold_track_counts() as folded

-- fold_word_counts: Add up the changes of words' counts, and remove words that no listed name has.
select search_internal.fold_word_counts() as folded

-- refresh_common_words: Count again which words are common.
select search.refresh_common_words() as known
