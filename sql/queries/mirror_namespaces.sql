-- The namespaces that are in use or to be dropped, with whether one that is filled may begin.
select n.generation, n.name, n.state, m.identity, m.dimensions, coalesce(m.serving, false) as of_serving_model,
       n.filled_to, n.filled_tracks, n.filled, n.begun_in < pg_snapshot_xmin(pg_current_snapshot()) as may_fill
from search.mirror_namespaces n
left join search.models m on m.id = n.model_id
where n.state <> 'dropped'
order by n.generation
