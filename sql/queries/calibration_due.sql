-- A model that serves or is about to, if this is its identity and its sample no longer stands for the catalogue: a tenth more or fewer
-- tracks, or a day old. Counting stops being exact where it would take long.
select m.id as model_id, counted.tracks
from search.models m
left join search.calibrations c on c.model_id = m.id
cross join lateral (
    select case when rough.tracks > 10000 then rough.tracks::bigint
                else (select count(*) from search.embeddings e where e.model_id = m.id and e.listed) end as tracks
    from (select greatest(p.reltuples, 0) as tracks from pg_class p
          where p.oid = to_regclass('search.embeddings_' || m.id)) as rough
) as counted
where (m.serving or m.candidate) and m.identity = :identity
  and (:at_once or c.model_id is null and counted.tracks >= :fewest
       or abs(counted.tracks - c.tracks) > 0.1 * c.tracks or c.refreshed_at < now() - interval '1 day')
