delete from track_tags tt
using tags g
where tt.track_id = :track_id and g.id = tt.tag_id and lower(g.name) <> all (cast(:names as text[]))
