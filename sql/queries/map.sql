-- The map of the library.

-- read_map: The map as JSON in columns: listed tracks, their places in 65,535ths, and their genres, numbered by frequency.
-- with what map_changed compares
with points as materialized (
    select t.id, round(p.x * 65535)::integer as x, round(p.y * 65535)::integer as y,
           coalesce(
               t.extra -> 'genre_predictions' -> 0 ->> 'name',
               (select min(g.name) from public.track_tags tt join public.tags g on g.id = tt.tag_id where tt.track_id = t.id)) as genre
    from search.map_points p
    join public.tracks t on t.id = p.track_id
    where search.is_listed(t.visibility)
), genres as (
    select genre, row_number() over (order by count(*) desc, genre) - 1 as number from points where genre is not null group by genre
), state as (
    select (select s.drawn_at from search.map_state s) as drawn_at
)
select json_build_object(
           'ids', array_to_json(coalesce(array_agg(p.id order by p.id), '{}')),
           'x', array_to_json(coalesce(array_agg(p.x order by p.id), '{}')),
           'y', array_to_json(coalesce(array_agg(p.y order by p.id), '{}')),
           'genre', array_to_json(coalesce(array_agg(coalesce(g.number, -1) order by p.id), '{}')),
           'genres', array_to_json(coalesce((select array_agg(genre order by number) from genres), '{}')),
           'drawn_at', (select to_char(s.drawn_at at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"') from state s)
       )::text as body,
       format('%s %s %s', (select extract(epoch from s.drawn_at) from state s), count(*), bit_xor(hashint8extended(p.id, 0))) as stamp,
       pg_current_snapshot()::text as snapshot
from points p
left join genres g on g.genre = p.genre

-- map_changed: Whether the map was drawn anew, or other tracks of it are listed, since it was read.
-- Between equal snapshots nothing was committed, and the tracks need not be read. This does not hold on a physical
-- replica, whose snapshots do not list the running transactions.
select case when not pg_is_in_recovery() and pg_current_snapshot()::text = :snapshot then false else (
           select format('%s %s %s', (select extract(epoch from s.drawn_at) from search.map_state s), count(*),
                         bit_xor(hashint8extended(t.id, 0))) <> :stamp
           from search.map_points p
           join public.tracks t on t.id = p.track_id
           where search.is_listed(t.visibility)
       ) end as changed,
       pg_current_snapshot()::text as snapshot

-- map_lock: Whether this transaction alone may draw the map.
-- two workers at once would each draw the same
select pg_try_advisory_xact_lock(hashtextextended('search.map', 0))

-- map_due: The serving model, if the map must be drawn again.
-- drawn with another model, a tenth more or fewer tracks, or a week old
select m.id as model_id, counted.tracks
from search.models m
left join search.map_state s on true
cross join lateral (
    select count(*) as tracks from search.embeddings e where e.model_id = m.id and e.listed
) as counted
where m.serving and counted.tracks > 0
  and (s.model_id is distinct from m.id or abs(counted.tracks - s.tracks) > 0.1 * s.tracks or s.drawn_at < now() - interval '7 days')

-- map_vectors: Vectors of the tracks to draw, with their former places; the most played tracks, where there are too many.
select e.track_id, public.halfvec_send(e.embedding) as embedding, p.x, p.y
from search.embeddings e
join public.tracks t on t.id = e.track_id
left join search.map_points p on p.track_id = e.track_id
where e.model_id = :model_id and e.listed
order by t.play_count desc, t.id
limit :most

-- map_clear: Delete the places of the former map.
delete from search.map_points

-- map_store: Store the places of the new map.
-- a track may have been deleted while the map was drawn
insert into search.map_points (track_id, x, y)
select p.track_id, p.x, p.y
from unnest(cast(:track_ids as bigint[]), cast(:xs as real[]), cast(:ys as real[])) as p (track_id, x, y)
where exists (select from public.tracks t where t.id = p.track_id)

-- map_record_drawing: Record the model and number of tracks that the map was drawn with.
insert into search.map_state (model_id, tracks) values (:model_id, :tracks)
on conflict (only_row) do update set model_id = excluded.model_id, tracks = excluded.tracks, drawn_at = now()
