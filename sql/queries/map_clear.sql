-- Forget the old picture.
delete from search.map_points
