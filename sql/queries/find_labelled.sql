-- The entities behind labels, by key or by a name of theirs, as far as everybody may find them.
with labelled as (
    select given.kind, given.label,
           case when given.label ~ '^[0-9]{1,18}$' then cast(given.label as bigint) end as id,
           -- whose it is, and what he calls it
           split_part(given.label, '/', 1) as handle, substr(given.label, strpos(given.label, '/') + 1) as name
    from unnest(cast(:kinds as text[]), cast(:labels as text[])) as given (kind, label)
)
select l.kind, l.label, found.key
from labelled l
cross join lateral (
    select cast(t.id as text) as key from public.tracks t where l.kind = 'track' and t.id = l.id
    union
    select cast(t.id as text)
    from public.artists a
    join public.tracks t on t.artist_did = a.did and t.title = l.name
    where l.kind = 'track' and a.handle = l.handle
    union
    select a.did from public.artists a where l.kind = 'artist' and (a.did = l.label or a.handle = l.label)
    union
    select cast(b.id as text) from public.albums b where l.kind = 'album' and b.id = l.id
    union
    select cast(b.id as text)
    from public.artists a
    join public.albums b on b.artist_did = a.did and b.slug = l.name
    where l.kind = 'album' and a.handle = l.handle
    union
    select cast(g.id as text) from public.tags g where l.kind = 'tag' and g.name = l.label
    union
    select cast(p.id as text) from public.playlists p where l.kind = 'playlist' and p.id = l.id
    union
    select cast(p.id as text)
    from public.artists a
    join public.playlists p on p.owner_did = a.did and p.name = l.name
    where l.kind = 'playlist' and a.handle = l.handle
) as found
where exists (select from search.documents d where d.kind = l.kind and d.key = found.key and d.listed)
