-- The entities behind labels, by key or by a name of theirs, as far as everybody may find them.
with labelled as (
    select given.kind, given.label,
           -- whose it is, and what he calls it
           split_part(given.label, '/', 1) as handle, substr(given.label, strpos(given.label, '/') + 1) as name
    from unnest(cast(:kinds as text[]), cast(:labels as text[])) as given (kind, label)
)
select l.kind, l.label, found.key
from labelled l
cross join lateral (
    select l.label as key where l.kind in ('track', 'album', 'playlist')
    union
    select cast(t.id as text)
    from artists a
    join tracks t on t.artist_did = a.did and t.title = l.name
    where l.kind = 'track' and a.handle = l.handle
    union
    select a.did from artists a where l.kind = 'artist' and (a.did = l.label or a.handle = l.label)
    union
    select cast(b.id as text)
    from artists a
    join albums b on b.artist_did = a.did and b.slug = l.name
    where l.kind = 'album' and a.handle = l.handle
    union
    select cast(g.id as text) from tags g where l.kind = 'tag' and g.name = l.label
    union
    select cast(p.id as text)
    from artists a
    join playlists p on p.owner_did = a.did and p.name = l.name
    where l.kind = 'playlist' and a.handle = l.handle
) as found
where exists (select from search.documents d where d.kind = l.kind and d.key = found.key and d.listed)
