insert into track_tags (track_id, tag_id)
select :track_id, g.id from tags g where g.name = any (cast(:names as text[])) order by g.id
on conflict do nothing
