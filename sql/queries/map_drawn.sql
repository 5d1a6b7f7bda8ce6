-- What it was drawn from.
insert into search.map_state (model_id, tracks) values (:model_id, :tracks)
on conflict (only_row) do update set model_id = excluded.model_id, tracks = excluded.tracks, drawn_at = now()
