-- The map of the library.

insert into search.map_points (track_id, x, y) values (1, 0.25, 0.5), (5, 0.75, 0.5);
insert into search.map_state (model_id, tracks, drawn_at) select id, 2, '2024-11-03' from search.models where serving;
