-- The map for a viewer, in columns: tracks that everybody may find, their places in 65,535ths, and their genres, numbered by how many have them.
with points as materialized (
    select t.id, round(p.x * 65535)::integer as x, round(p.y * 65535)::integer as y,
           coalesce(
               t.extra -> 'genre_predictions' -> 0 ->> 'name',
               (select min(g.name) from track_tags tt join tags g on g.id = tt.tag_id where tt.track_id = t.id)) as genre
    from search.map_points p
    join tracks t on t.id = p.track_id
    where search.is_listed(t.visibility)
), genres as (
    select genre, row_number() over (order by count(*) desc, genre) - 1 as number from points where genre is not null group by genre
)
select coalesce(array_agg(p.id order by p.id), '{}') as ids,
       coalesce(array_agg(p.x order by p.id), '{}') as xs,
       coalesce(array_agg(p.y order by p.id), '{}') as ys,
       coalesce(array_agg(coalesce(g.number, -1) order by p.id), '{}') as genre_numbers,
       coalesce((select array_agg(genre order by number) from genres), '{}') as genres,
       (select s.drawn_at from search.map_state s) as drawn_at
from points p
left join genres g on g.genre = p.genre
