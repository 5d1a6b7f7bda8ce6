-- Tracks that everybody may find, drawn without replacement: all alike, or by how much they are played (Efraimidis and
-- Spirakis 2006: the smallest -ln(u) / weight). The salt decides which.
select t.title, a.display_name
from public.tracks t
join public.artists a on a.did = t.artist_did
where search.is_listed(t.visibility)
order by -ln((('x' || substr(md5(t.id || :salt), 1, 8))::bit(32)::bigint + 1) / 4294967297.0)
         / case when :by_plays then 1 + t.play_count else 1 end, t.id
limit :count
