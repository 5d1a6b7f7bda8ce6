-- What `vibe-search evaluate` compares results with.

-- count_listed: How many entities are listed.
-- an artist has two documents, one for each name
select count(distinct (d.kind, d.key)) as listed
from search.documents d
where d.listed

-- find_labelled: The listed entities behind labels, which are keys or names.
with labelled as (
    select given.kind, given.label,
           -- the owner's handle, and the name that the owner gave it
           split_part(given.label, '/', 1) as handle, substr(given.label, strpos(given.label, '/') + 1) as name
    from unnest(cast(:kinds as text[]), cast(:labels as text[])) as given (kind, label)
)
select l.kind, l.label, found.key
from labelled l
cross join lateral (
    select l.label as key where l.kind in ('track', 'album', 'playlist')
    union
    select cast(t.id as text)
    from public.artists a
    join public.tracks t on t.artist_did = a.did and t.title = l.name
    where l.kind = 'track' and a.handle = l.handle
    union
    select a.did from public.artists a where l.kind = 'artist' and (a.did = l.label or a.handle = l.label)
    union
    select cast(b.id as text)
    from public.artists a
    join public.albums b on b.artist_did = a.did and b.slug = l.name
    where l.kind = 'album' and a.handle = l.handle
    union
    select cast(g.id as text) from public.tags g where l.kind = 'tag' and g.name = l.label
    union
    select cast(p.id as text)
    from public.artists a
    join public.playlists p on p.owner_did = a.did and p.name = l.name
    where l.kind = 'playlist' and a.handle = l.handle
) as found
where exists (select from search.documents d where d.kind = l.kind and d.key = found.key and d.listed)

-- rank_all_tracks: The ranks of some tracks when all tracks are ranked by exact similarity, without an index.
select ranked.track_id, ranked.place, ranked.candidates
from (
    select e.track_id,
           row_number() over (order by e.embedding operator(public.<=>) cast(:query_embedding as public.halfvec), e.track_id) as place,
           count(*) over () as candidates
    from search.track_embeddings e
) as ranked
where ranked.track_id = any (:track_ids)
