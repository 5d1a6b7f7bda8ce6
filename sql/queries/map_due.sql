-- The model that serves, if the map was not drawn with it, or has a tenth more or fewer tracks by now, or is a week old.
select m.id as model_id, counted.tracks
from search.models m
left join search.map_state s on true
cross join lateral (
    select count(*) as tracks from search.embeddings e where e.model_id = m.id and e.listed
) as counted
where m.serving and counted.tracks > 0
  and (s.model_id is distinct from m.id or abs(counted.tracks - s.tracks) > 0.1 * s.tracks or s.drawn_at < now() - interval '7 days')
