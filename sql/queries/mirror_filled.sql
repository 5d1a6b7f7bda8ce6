-- How far the filling of a namespace is.
update search.mirror_namespaces
set filled_to = :filled_to, filled_tracks = filled_tracks + :written, filled = :filled
where generation = :generation and state = 'filling'
